#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* Accepting and closing: the twins of `new_turns`, `SocketLifetime.__init__`, `Turns.close` and
   `_accept`.  */

#include "../core.h"

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

/* Turns(owner) */
static PyObject *
make_turns(State *state, PyObject *owner)
{
    PyObject *read = new_lane(state, state->str_read);
    PyObject *write = read == NULL ? NULL : new_lane(state, state->str_write);
    PyObject *turns = write == NULL ? NULL : new_instance(state->turns_type);
    if (turns == NULL) {
        Py_XDECREF(write);
        Py_XDECREF(read);
        return NULL;
    }
    SLOT(turns, state->turns_owner) = Py_NewRef(owner);
    SLOT(turns, state->turns_read) = read;
    SLOT(turns, state->turns_write) = write;
    SLOT(turns, state->turns_closed) = Py_NewRef(Py_False);
    return turns;
}

/* new_turns(owner) */
static PyObject *
new_turns(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (sockets_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 1 || kwnames != NULL) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return make_turns(self->state, args[0]);
}

#ifdef __linux__ /* elsewhere a new socket may need an option against SIGPIPE */

/* What the twin of `SocketLifetime.__init__` is given; borrowed from its caller.  */
typedef struct {
    PyObject *actor, *service, *sock, *kind, *owner, *settings, *connected;
} Given;

/* Read the arguments: 1, or 0 if they are not plain.  */
static int
read_given(State *state, PyObject *const *args, size_t nargsf, PyObject *kwnames, Given *given)
{
    if (PyVectorcall_NARGS(nargsf) != 5 || kwnames == NULL) {
        return 0;
    }
    *given = (Given){args[0], args[1], args[2], args[3], args[4], NULL, Py_False};
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        if (PyUnicode_CompareWithASCIIString(name, "settings") == 0) {
            given->settings = args[5 + i];
        }
        else if (PyUnicode_CompareWithASCIIString(name, "connected") == 0) {
            given->connected = args[5 + i];
        }
        else {
            return 0;
        }
    }
    if (!is_exactly(given->actor, state->actor_type)
        || !is_exactly(given->service, state->service_type)
        || !is_exactly(given->sock, state->std_socket_type)
        || !is_exactly(given->kind, state->kind_type)
        || !is_exactly(given->owner, state->process_type)
        || !is_exactly(given->settings, state->settings_type) || !PyBool_Check(given->connected)) {
        return 0;
    }
    PyObject *registry = SLOT(given->service, state->service_registry);
    return is_exactly(registry, state->registry_type)
           && SLOT(registry, state->registry_debug) == Py_False
           && SLOT(given->settings, state->settings_debug) == Py_False
           && SLOT(given->settings, state->settings_iow) == Py_False;
}

/* Put `value`, of which the reference is taken over, into a slot: 0, or -1 if it is NULL.  */
static int
put(PyObject *actor, Py_ssize_t offset, PyObject *value)
{
    if (value == NULL) {
        return -1;
    }
    slot_set(actor, offset, value);
    return 0;
}

/* Fill the slots of a new actor that need no other object: 0 or -1.  */
static int
fill_slots(State *state, const Given *given)
{
    PyObject *actor = given->actor;
    const struct {
        Py_ssize_t offset;
        PyObject *value;
    } values[] = {
        {state->actor_poller, SLOT(given->service, state->service_poller)},
        {state->actor_service, given->service},
        {state->actor_sock, given->sock},
        {state->actor_kind, given->kind},
        {state->actor_settings, given->settings},
        {state->actor_connected, given->connected},
        {state->actor_may_linger, given->connected},
        {state->actor_ctype, state->str_normal},
        {state->actor__probe, Py_None},
        {state->actor_watched, Py_False},
        {state->actor_read_would_block, Py_False},
        {state->actor_write_would_block, Py_False},
        {state->actor_saw_end, Py_False},
        {state->actor_has_low_water_mark, Py_False},
        {state->actor_logged, Py_False},
        {state->actor_observed, Py_False},
        {state->actor_bound, Py_False},
        {state->actor_listening, Py_False},
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(values); i++) {
        if (put(actor, values[i].offset, Py_XNewRef(values[i].value)) < 0) {
            PyErr_SetString(PyExc_AttributeError, "a service without a poller");
            return -1;
        }
    }
    if (put(actor, state->actor_fd, PyObject_CallMethodNoArgs(given->sock, state->str_fileno)) < 0
        || put(actor, state->actor_counters, new_instance(state->counters_type)) < 0
        || put(actor, state->actor_connect_error, PyLong_FromLong(0)) < 0
        || put(actor, state->actor_unread, PyBytes_FromStringAndSize(NULL, 0)) < 0) {
        return -1;
    }
    return put(actor, state->actor_turns,
               make_turns(state, SLOT(given->owner, state->process_pid)));
}

/* Socket(actor) */
static PyObject *
new_socket_object(State *state, PyObject *actor)
{
    PyObject *number = PyIter_Next(state->socket_numbers);
    PyObject *made = number == NULL ? NULL : new_instance(state->socket_type);
    if (made != NULL) {
        SLOT(made, state->socket__actor) = Py_NewRef(actor);
        if (set_identity(made, number) < 0) {
            Py_CLEAR(made);
        }
    }
    Py_XDECREF(number);
    return made;
}

/* start_handler(node, actor) */
static PyObject *
start_process(State *state, const Given *given)
{
    return PyObject_CallFunctionObjArgs(state->start_handler,
                                        SLOT(given->service, state->service_node), given->actor,
                                        Py_None, NULL);
}

/* self._monitors = {}; self._monitor(owner) */
static int
monitor_owner(State *state, const Given *given, PyObject *process)
{
    PyObject *monitors = new_table(state);
    if (monitors == NULL) {
        return -1;
    }
    PyObject *pid = Py_NewRef(SLOT(given->owner, state->process_pid));
    slot_set(given->actor, state->actor__monitors, Py_NewRef(monitors));
    PyObject *ref
        = PyObject_CallMethodObjArgs(process, state->str_monitor, given->owner, pid, NULL);
    int done = ref == NULL ? -1 : table_set(monitors, pid, ref);
    Py_XDECREF(ref);
    Py_DECREF(pid);
    Py_DECREF(monitors);
    return done;
}

/* Enter the socket into the tables of the registry.  */
static int
enter_into_registry(State *state, const Given *given, PyObject *socket_object)
{
    PyObject *registry = SLOT(given->service, state->service_registry);
    PyObject *kinds = SLOT(registry, state->registry_kinds);
    PyObject *sockets = SLOT(registry, state->registry_sockets);
    if (kinds == NULL || sockets == NULL || !PyDict_CheckExact(kinds)
        || !PyDict_CheckExact(sockets)) {
        PyErr_SetString(PyExc_TypeError, "a registry without tables");
        return -1;
    }
    if (PyDict_SetItem(kinds, socket_object, given->kind) < 0) {
        return -1;
    }
    return SLOT(given->settings, state->settings_use_registry) == Py_True
               ? PyDict_SetItem(sockets, socket_object, Py_None)
               : 0;
}

/* SocketLifetime.__init__(self, service, sock, kind, owner, settings=..., connected=...) */
static PyObject *
init_actor(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    Given given;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (!read_given(state, args, nargsf, kwnames, &given)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    if (fill_slots(state, &given) < 0) {
        return NULL;
    }
    PyObject *socket_object = new_socket_object(state, given.actor);
    if (socket_object == NULL) {
        return NULL;
    }
    slot_set(given.actor, state->actor_socket_object, Py_NewRef(socket_object));
    PyObject *process = start_process(state, &given);
    int done = -1;
    if (process != NULL) {
        slot_set(given.actor, state->actor_process, Py_NewRef(process));
        done = monitor_owner(state, &given, process);
        Py_DECREF(process);
    }
    if (done == 0) {
        done = enter_into_registry(state, &given, socket_object);
    }
    Py_DECREF(socket_object);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}

#endif

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

/* The socket object for `fd`, which is closed if there can be none. `type` is that of the listener.  */
static PyObject *
new_socket(State *state, PyObject *kind, long type, int fd)
{
    PyObject *number = PyLong_FromLong(fd);
    /* With this flag Python takes the descriptor for one that does not block, as it is.  */
    PyObject *type_number = number == NULL ? NULL : PyLong_FromLong(type | SOCK_NONBLOCK);
    PyObject *made = NULL;
    if (type_number != NULL) {
        /* With the numbers, and not the enums, of a socket that `accept` of Python makes.  */
        made = PyObject_CallFunctionObjArgs(
            state->std_socket_type, SLOT(kind, state->kind_family), type_number,
            SLOT(kind, state->kind_protocol_number), number, NULL);
        Py_DECREF(type_number);
    }
    Py_XDECREF(number);
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
    long type;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL
        || !is_exactly(args[0], state->std_socket_type) || !is_exactly(args[1], state->kind_type)
        || !slot_long(args[1], state->kind_type_number, &type)) {
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
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        Py_END_ALLOW_THREADS
    } while (fd < 0 && errno == EINTR && PyErr_CheckSignals() == 0);
    if (fd < 0) {
        return PyErr_Occurred() ? NULL : PyErr_SetFromErrno(PyExc_OSError);
    }
    return new_socket(state, args[1], type, fd);
}

#endif

const TwinEntry OPENING_TWINS[] = {
    {"new_turns", new_turns},
    {"Turns.close", close_turns},
#ifdef __linux__
    {"SocketLifetime.__init__", init_actor},
    {"_accept", accept_one},
#endif
    {NULL, NULL},
};
