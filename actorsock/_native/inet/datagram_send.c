/* Sending datagrams: the twins of `_begin_datagram` and `_send_at_once`.  */

#include "sending.h"

#include <string.h>

#ifndef MS_WINDOWS
#include <arpa/inet.h>
#include <netinet/in.h>
#endif

typedef struct {
    PyObject *data, *statistics; /* borrowed */
    int fd;
    socklen_t length;            /* of the address: 0 for the peer */
    struct sockaddr_in address;
} Datagram;

/* The address of IPv4 that is written in four numbers: 1, or 0 if it is not plain.  */
static int
read_destination(State *state, PyObject *actor, PyObject *host, PyObject *port, Datagram *datagram)
{
    long family;
    int overflow;
    PyObject *kind = SLOT(actor, state->actor_kind);
    if (!is_exactly(kind, state->kind_type) || !slot_long(kind, state->kind_family, &family)
        || family != AF_INET || !PyUnicode_CheckExact(host) || !PyUnicode_IS_COMPACT_ASCII(host)
        || !PyLong_CheckExact(port)) {
        return 0;
    }
    long number = PyLong_AsLongAndOverflow(port, &overflow);
    if (overflow || number < 1 || number > 65535) {
        return 0;
    }
    const char *text = (const char *)PyUnicode_1BYTE_DATA(host);
    memset(&datagram->address, 0, sizeof datagram->address);
    datagram->length = sizeof datagram->address;
    datagram->address.sin_family = AF_INET;
    datagram->address.sin_port = htons((uint16_t)number);
    return strlen(text) == (size_t)PyUnicode_GET_LENGTH(host)
           && inet_pton(AF_INET, text, &datagram->address.sin_addr) == 1;
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
    if (!PyBytes_CheckExact(datagram->data) || PyBytes_GET_SIZE(datagram->data) > LARGEST_SEND
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
