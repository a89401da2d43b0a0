#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* Accepting and closing: the twins of `new_turns`, `Turns.close` and `_accept`.  */

#include "core.h"

#include <errno.h>

#ifdef __linux__
#include <sys/socket.h>
#include <unistd.h>
#endif

/* Lane(name) */
static PyObject *
new_lane(State *state, PyObject *name)
{
    PyObject *lane = new_instance(state->lane_type);
    if (lane != NULL) {
        SLOT(lane, state->lane_name) = Py_NewRef(name);
        SLOT(lane, state->lane_current) = Py_NewRef(Py_None);
        SLOT(lane, state->lane_selected) = Py_NewRef(Py_False);
        SLOT(lane, state->lane_queue) = Py_NewRef(state->closed_lanes);
        SLOT(lane, state->lane_ever_waited) = Py_NewRef(Py_False);
    }
    return lane;
}

/* new_turns(owner) */
static PyObject *
new_turns(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 1 || kwnames != NULL) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *read = new_lane(state, state->str_read);
    PyObject *write = read == NULL ? NULL : new_lane(state, state->str_write);
    PyObject *turns = write == NULL ? NULL : new_instance(state->turns_type);
    if (turns == NULL) {
        Py_XDECREF(write);
        Py_XDECREF(read);
        return NULL;
    }
    SLOT(turns, state->turns_owner) = Py_NewRef(args[0]);
    SLOT(turns, state->turns_read) = read;
    SLOT(turns, state->turns_write) = write;
    SLOT(turns, state->turns_closed) = Py_NewRef(Py_False);
    return turns;
}

static int
is_free(State *state, PyObject *lane)
{
    return is_exactly(lane, state->lane_type) && SLOT(lane, state->lane_current) == Py_None;
}

/* Turns.close(self) */
static PyObject *
close_turns(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 1 || kwnames != NULL
        || !is_exactly(args[0], state->turns_type)
        || !is_free(state, SLOT(args[0], state->turns_read))
        || !is_free(state, SLOT(args[0], state->turns_write))) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    slot_set(args[0], state->turns_closed, Py_NewRef(Py_True));
    slot_set(args[0], state->turns_owner, Py_NewRef(Py_None));
    return Py_NewRef(state->closed_lanes);
}

#ifdef __linux__

/* The socket object for `fd`, which is closed if there can be none.  */
static PyObject *
new_socket(State *state, PyObject *kind, int fd)
{
    PyObject *number = PyLong_FromLong(fd);
    PyObject *made = NULL;
    if (number != NULL) {
        /* With the numbers, and not the enums, of a socket that `accept` of Python makes.  */
        made = PyObject_CallFunctionObjArgs(
            state->std_socket_type, SLOT(kind, state->kind_family),
            SLOT(kind, state->kind_type_number), SLOT(kind, state->kind_protocol_number), number,
            NULL);
        Py_DECREF(number);
    }
    if (made == NULL) {
        (void)close(fd);
    }
    return made;
}

/* _accept(listener, kind) */
static PyObject *
accept_one(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL
        || !is_exactly(args[0], state->std_socket_type)
        || !is_exactly(args[1], state->kind_type)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *number = PyObject_CallMethodNoArgs(args[0], state->str_fileno);
    if (number == NULL) {
        return NULL;
    }
    int listener = (int)PyLong_AsLong(number), fd;
    Py_DECREF(number);
    if (listener < 0) {
        PyErr_Clear();
        return twin_fall_back(self, args, nargsf, kwnames); /* closed: the Python raises */
    }
    do {
        /* As Python does: the program may have made the listener a blocking one.  */
        Py_BEGIN_ALLOW_THREADS
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        Py_END_ALLOW_THREADS
    } while (fd < 0 && errno == EINTR && PyErr_CheckSignals() == 0);
    if (fd < 0) {
        return PyErr_Occurred() ? NULL : PyErr_SetFromErrno(PyExc_OSError);
    }
    return new_socket(state, args[1], fd);
}

#endif

const TwinEntry OPENING_TWINS[] = {
    {"new_turns", new_turns},
    {"Turns.close", close_turns},
#ifdef __linux__
    {"_accept", accept_one},
#endif
    {NULL, NULL},
};
