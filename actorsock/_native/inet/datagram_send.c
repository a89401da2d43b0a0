/* Sending datagrams: the twin of `gen_udp.send`, where no name is looked up.  */

#include "../sockets/transfers.h"
#include "sending.h"
#include "statistics.h"

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

/* Look at the arguments of a send, a tuple (host, port, data) or (data,): 1 if the actor is open, and would
   hand the datagram to the kernel at once.  */
static int
is_plain_datagram(State *state, PyObject *actor, PyObject *args, Datagram *datagram)
{
    long fd;
    if (!is_exactly(actor, state->datagrams_type)) {
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
    count_sent(datagram->statistics, size);
    if (sent >= 0) {
        return Py_NewRef(state->inet_ok);
    }
    PyObject *exc = os_error(error);
    PyObject *result = exc == NULL ? NULL : PyObject_CallOneArg(state->not_sent, exc);
    Py_XDECREF(exc);
    return result;
}

static int
is_datagrams(State *state, PyObject *actor)
{
    return is_exactly(actor, state->datagrams_type);
}

/* _send_at_once(actor, args), of an actor that the caller holds: 1, 0 or -1.  */
static int
send_at_once(State *state, PyObject *actor, PyObject *args, PyObject **result)
{
    Datagram datagram;
    if (!is_plain_datagram(state, actor, args, &datagram)) {
        return 0;
    }
    *result = send_datagram(state, &datagram);
    return *result == NULL ? -1 : 1;
}

static PyObject *
try_in_python(State *state, PyObject *actor, PyObject *args)
{
    return PyObject_CallFunctionObjArgs(state->send_datagram_at_once, actor, args, NULL);
}

static PyObject *
wait_in_python(State *state, PyObject *process, PyObject *actor, PyObject *args)
{
    return PyObject_CallFunctionObjArgs(state->send_datagram_anywhere, actor, args, NULL);
}

static const Transport DATAGRAMS = {SENDING_STEPS, is_datagrams, send_at_once, try_in_python,
                                    wait_in_python};

/* send(sock, *args) */
static PyObject *
send_(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    Py_ssize_t number = PyVectorcall_NARGS(nargsf);
    if (inet_prepare(self->state) < 0) {
        return NULL;
    }
    if ((number == 2 || number == 4) && kwnames == NULL
        && is_exactly(args[0], self->state->udp_socket_type)) {
        PyObject *given = PyTuple_New(number - 1);
        if (given == NULL) {
            return NULL;
        }
        for (Py_ssize_t i = 1; i < number; i++) {
            PyTuple_SET_ITEM(given, i - 1, Py_NewRef(args[i]));
        }
        PyObject *made = new_sending(self, &DATAGRAMS, args[0], given);
        Py_DECREF(given);
        return made;
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry DATAGRAM_SEND_TWINS[] = {
    {"actorsock.inet.calls.datagrams.send", send_},
    {NULL, NULL},
};
