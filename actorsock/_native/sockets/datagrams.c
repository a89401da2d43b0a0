/* Receiving datagrams with their source: what the twin of `RecvFrom.attempt` does.  */

#include "../core.h"

#include <errno.h>
#include <string.h>

#ifndef MS_WINDOWS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

/* A larger buffer is left to the Python.  */
#define LARGEST_DATAGRAM 65536

/* The record of an IPv4 address. Most messages come from where the last one came from.  */
static PyObject *
record_of(State *state, PyObject *family, const struct sockaddr_in *source)
{
    char text[INET_ADDRSTRLEN];
    long host = (long)ntohl(source->sin_addr.s_addr), port = ntohs(source->sin_port);
    if (state->last_source != NULL && host == state->last_host && port == state->last_port) {
        return Py_NewRef(state->last_source);
    }
    if (inet_ntop(AF_INET, &source->sin_addr, text, sizeof text) == NULL) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *record = PyObject_CallFunction(state->from_python, "O(sl)", family, text, port);
    if (record != NULL) {
        Py_XSETREF(state->last_source, Py_NewRef(record));
        state->last_host = host;
        state->last_port = port;
    }
    return record;
}

/* Ok((source, data)), which takes over `data` */
static PyObject *
new_result(State *state, PyObject *source, PyObject *data)
{
    PyObject *pair = PyTuple_New(2);
    if (pair == NULL) {
        Py_DECREF(source);
        Py_DECREF(data);
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0, source);
    PyTuple_SET_ITEM(pair, 1, data);
    PyObject *ok = new_ok(state, pair);
    if (ok == NULL) {
        Py_DECREF(pair);
    }
    return ok;
}

/* The system call has failed: 1 with the result, or -1.  */
static int
not_received(State *state, PyObject *actor, int error, PyObject **result)
{
    if (error < 0) {
        return -1;
    }
    if (would_block(error)) {
        PyObject *watched = SLOT(actor, state->actor_watched);
        slot_set(actor, state->actor_read_would_block,
                 Py_NewRef(watched == NULL ? Py_False : watched));
        *result = Py_NewRef(Py_None);
        return 1;
    }
    PyObject *exc = os_error(error);
    *result = exc == NULL ? NULL : PyObject_CallFunctionObjArgs(state->refused, actor, exc, NULL);
    Py_XDECREF(exc);
    return *result == NULL ? -1 : 1;
}

int
recvfrom_plainly(State *state, PyObject *op, PyObject *actor, PyObject **result)
{
    Plain plain;
    long family, flags, size;
    int error;
    if (!is_plain_socket(state, actor, &plain)
        || SLOT(plain.kind, state->kind_is_stream) != Py_False
        || SLOT(plain.kind, state->kind_is_known) != Py_True
        || !slot_long(plain.kind, state->kind_family, &family) || family != AF_INET
        || !slot_long(op, state->recvfrom_flags, &flags) || flags != 0
        || !slot_long(op, state->recvfrom_size, &size)) {
        return 0;
    }
    PyObject *settings = SLOT(actor, state->actor_settings);
    if (!is_exactly(settings, state->settings_type)
        || (size == 0 && !slot_long(settings, state->settings_read_size, &size)) || size <= 0
        || size > LARGEST_DATAGRAM) {
        return 0;
    }
    struct sockaddr_in source;
    unsigned int length = sizeof source;
    memset(&source, 0, sizeof source);
    PyObject *number = Py_NewRef(SLOT(plain.kind, state->kind_family));
    PyObject *counters = Py_NewRef(plain.counters);
    count(counters, counted_read_tries, 1);
    PyObject *data = receive_bytes(state, plain.fd, size, &error, &source, &length);
    int done;
    if (data == NULL) {
        done = not_received(state, actor, error, result);
    }
    else {
        Py_ssize_t got = PyBytes_GET_SIZE(data);
        PyObject *from = record_of(state, number, &source);
        if (from == NULL) {
            Py_DECREF(data);
            *result = NULL;
        }
        else {
            count(counters, counted_read_byte, got);
            count(counters, counted_read_pkg, 1);
            count_largest(counters, counted_read_pkg_max, got);
            *result = new_result(state, from, data);
        }
        done = *result == NULL ? -1 : 1;
    }
    Py_DECREF(counters);
    Py_DECREF(number);
    return done;
}
