/* Sending datagrams: the twins of `_begin_datagram` and `_send_at_once`.  */

#include "../sockets/transfers.h"

typedef struct {
    PyObject *data, *statistics; /* borrowed */
    int fd;
    socklen_t length;            /* of the address: 0 for the peer */
    struct sockaddr_in address;
} Datagram;

/* The arguments `host` and `port` of a send by a socket of IPv4: 1, or 0 if they are not plain.  */
static int
read_destination(State *state, PyObject *actor, PyObject *host, PyObject *port, Datagram *datagram)
{
    long family;
    PyObject *kind = SLOT(actor, state->actor_kind);
    datagram->length = sizeof datagram->address;
    return is_exactly(kind, state->kind_type) && slot_long(kind, state->kind_family, &family)
           && family == AF_INET && read_address(host, port, &datagram->address);
}

/* Look at the arguments of a send, (host, port, data) or (data,): 1 if the actor is open, and would
   hand the datagram to the kernel at once.  */
static int
is_plain_datagram(State *state, PyObject *actor, PyObject *args, Datagram *datagram)
{
    long fd;
    if (!is_exactly(actor, state->datagrams_type) || !PyTuple_CheckExact(args)
        || (PyTuple_GET_SIZE(args) != 1 && PyTuple_GET_SIZE(args) != 3)) {
        return 0;
    }
    PyObject *turns = SLOT(actor, state->actor_turns);
    datagram->data = PyTuple_GET_ITEM(args, PyTuple_GET_SIZE(args) - 1);
    datagram->statistics = SLOT(actor, state->receiver_statistics);
    datagram->length = 0;
    if (!PyBytes_CheckExact(datagram->data) || PyBytes_GET_SIZE(datagram->data) > LARGEST_TRANSFER
        || !is_exactly(turns, state->turns_type) || SLOT(turns, state->turns_closed) != Py_False
        || !is_exactly(datagram->statistics, state->statistics_type)
        || !is_exactly(SLOT(actor, state->actor_sock), state->std_socket_type)
        || !slot_long(actor, state->actor_fd, &fd) || fd < 0 || fd > INT_MAX) {
        return 0;
    }
    datagram->fd = (int)fd;
    return PyTuple_GET_SIZE(args) == 1
           || read_destination(state, actor, PyTuple_GET_ITEM(args, 0), PyTuple_GET_ITEM(args, 1),
                               datagram);
}

/* DatagramActor.send(data, address); a new reference.  */
static PyObject *
send_datagram(State *state, const Datagram *datagram)
{
    Py_ssize_t size = PyBytes_GET_SIZE(datagram->data);
    const struct sockaddr *address = datagram->length == 0
                                         ? NULL
                                         : (const struct sockaddr *)&datagram->address;
    ssize_t sent;
    int error;
    do {
        sent = sendto(datagram->fd, PyBytes_AS_STRING(datagram->data), (size_t)size, SEND_FLAGS,
                      address, datagram->length);
        error = errno;
    } while (sent < 0 && error == EINTR);
    count_in_slot(datagram->statistics, state->statistics_send_cnt, 1);
    count_in_slot(datagram->statistics, state->statistics_send_oct, size);
    count_largest_in_slot(datagram->statistics, state->statistics_send_max, size);
    if (sent >= 0) {
        return Py_NewRef(state->inet_ok);
    }
    PyObject *exc = os_error(error);
    PyObject *result = exc == NULL ? NULL : PyObject_CallOneArg(state->not_sent, exc);
    Py_XDECREF(exc);
    return result;
}

/* _send_at_once(actor, args) */
static PyObject *
send_at_once(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    Datagram datagram;
    if (inet_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL
        && is_plain_datagram(self->state, args[0], args[1], &datagram)) {
        return send_datagram(self->state, &datagram);
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* _begin_datagram(sock, args) */
static PyObject *
begin_datagram(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    Datagram datagram;
    if (inet_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL
        && is_exactly(args[0], state->udp_socket_type)) {
        PyObject *process = stepped_process(state);
        PyObject *body = payer_of(state, process);
        if (body != NULL
            && is_plain_datagram(state, SLOT(args[0], state->socket__actor), args[1], &datagram)) {
            pay(state, body);
            PyObject *result = send_datagram(state, &datagram);
            Py_DECREF(process);
            return result;
        }
        Py_XDECREF(process);
        if (process == NULL && PyErr_Occurred()) {
            return NULL;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry DATAGRAM_SEND_TWINS[] = {
    {"_begin_datagram", begin_datagram},
    {"_send_at_once", send_at_once},
    {NULL, NULL},
};
