/* Active modes, from readiness to the mailbox of the owner: what streams and datagrams share, and the
   twins of `ReceivingActor.pump` and `setopts`.

   A StreamActor and a DatagramActor inherit the slots of `Readiness` and `SocketLifetime`, as a
   SocketActor does, so offsets such as `state->actor_fd` are the same in all three. Likewise
   `state->receiver_woken` is the same in both.  */

#include "active.h"

int
call_method(PyObject *object, PyObject *name)
{
    return done_with(PyObject_CallMethodNoArgs(object, name)) < 0 ? -1 : FINISHED;
}

/* --- steps of `deliver_arrived` ---------------------------------------------------------------- */

int
count_down(State *state, PyObject *mode)
{
    PyObject *value = SLOT(mode, state->mode_value);
    long left;
    if (value == Py_True) {
        return 0;
    }
    if (PyUnicode_Check(value)) {
        slot_set(mode, state->mode_value, Py_NewRef(Py_False));
        return 0;
    }
    if (!slot_long(mode, state->mode_value, &left)) {
        PyErr_SetString(PyExc_TypeError, "a mode that is neither a word nor a number");
        return -1;
    }
    PyObject *next = left > 1 ? PyLong_FromLong(left - 1) : Py_NewRef(Py_False);
    if (next == NULL) {
        return -1;
    }
    slot_set(mode, state->mode_value, next);
    return left <= 1;
}

int
deliver_to_owner(State *state, PyObject *actor, PyObject *message, int passive)
{
    show_to_collector(message); /* from the socket much can be reached */
    PyObject *owner = SLOT(actor, state->receiver_owner_process);
    int is_plain = is_process(state, owner) && is_plain_receiver(state, owner, message)
                   && SLOT(owner, state->process_ending) == Py_False;
    PyObject *receiver = Py_NewRef(is_plain ? owner : actor);
    int done = is_plain ? deliver_plainly(state, receiver, message) : 0;
    if (done == 0) {
        done = done_with(PyObject_CallMethodOneArg(receiver, state->str_deliver, message));
    }
    Py_DECREF(receiver);
    if (done >= 0 && passive) {
        done = call_method(actor, state->str_tell_passive);
    }
    return done < 0 ? -1 : GO_ON;
}

PyObject *
reason_of(State *state, int error)
{
    PyObject *exc = os_error(error);
    PyObject *result = exc == NULL ? NULL : PyObject_CallOneArg(state->error_of, exc);
    PyObject *reason = NULL;
    if (is_exactly(result, state->error_type)) {
        reason = Py_XNewRef(SLOT(result, state->error_reason));
    }
    Py_XDECREF(result);
    Py_XDECREF(exc);
    return reason;
}

int
leave_to_python(State *state, PyObject *actor, long left)
{
    PyObject *number = PyLong_FromLong(left);
    int done = number == NULL ? -1
                              : done_with(PyObject_CallMethodOneArg(
                                    actor, state->str_deliver_arrived, number));
    Py_XDECREF(number);
    return done < 0 ? -1 : FINISHED;
}

/* --- pumping ----------------------------------------------------------------------------------- */

typedef struct {
    int (*reads)(State *state, PyObject *actor);
    int (*deliver)(State *state, PyObject *actor);
    int (*report)(State *state, PyObject *actor, const Report *report);
    PyObject *(*mode_if_quiet)(State *state, PyObject *actor);
} ReceiverKind;

static const ReceiverKind STREAM
    = {stream_reads, deliver_from_stream, report_to_stream, mode_of_quiet_stream};
static const ReceiverKind DATAGRAMS
    = {datagrams_are_read, deliver_datagrams, report_to_datagrams, mode_of_quiet_datagrams};

/* What `actor`, which may be NULL, is; NULL if it is neither.  */
static const ReceiverKind *
kind_of_receiver(State *state, PyObject *actor)
{
    return is_exactly(actor, state->stream_type)      ? &STREAM
           : is_exactly(actor, state->datagrams_type) ? &DATAGRAMS
                                                      : NULL;
}

int
pump_plainly(State *state, PyObject *actor)
{
    const ReceiverKind *kind = kind_of_receiver(state, actor);
    if (kind == NULL || SLOT(actor, state->receiver_woken) != Py_None
        || SLOT(actor, state->receiver_pumping) != Py_False) {
        return 0;
    }
    slot_set(actor, state->receiver_pumping, Py_NewRef(Py_True));
    int done = kind->deliver(state, actor);
    slot_set(actor, state->receiver_pumping, Py_NewRef(Py_False));
    if (done > 0 && SLOT(actor, state->receiver_waiter) != Py_None
        && kind->reads(state, actor) != 1) {
        done = call_method(actor, state->str_serve_waiter);
    }
    return done;
}

/* ReceivingActor.pump(self) */
static PyObject *
pump(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (inet_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 1 && kwnames == NULL) {
        int done = pump_plainly(self->state, args[0]);
        if (done != 0) {
            return done < 0 ? NULL : Py_NewRef(Py_None);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

int
report_to_inet(State *state, PyObject *actor, const Report *report)
{
    const ReceiverKind *kind = state->inet_ready ? kind_of_receiver(state, actor) : NULL;
    return kind == NULL ? 0 : kind->report(state, actor, report);
}

/* The method `on_ready` of both: on_ready(self, read, write, ended) */
static PyObject *
on_ready(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    Report report;
    if (inet_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 4 && kwnames == NULL) {
        int done = read_report(args + 1, &report) < 0
                       ? -1
                       : report_to_inet(self->state, args[0], &report);
        if (done != 0) {
            return done < 0 ? NULL : Py_NewRef(Py_None);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* --- setopts ----------------------------------------------------------------------------------- */

/* The mode that `value` makes of `mode`; a new reference. NULL, with or without an exception, if that
   is not plain: a passive message is due, or the sum is too large.  */
static PyObject *
changed_mode(State *state, PyObject *mode, PyObject *value)
{
    PyObject *former = SLOT(mode, state->mode_value);
    if (value == Py_True || value == Py_False || value == state->str_once) {
        return Py_NewRef(value);
    }
    int overflow;
    long left = 0;
    if (!PyLong_CheckExact(value) || former == NULL
        || (PyLong_CheckExact(former) && !slot_long(mode, state->mode_value, &left))) {
        return NULL;
    }
    long sum = PyLong_AsLongAndOverflow(value, &overflow);
    if (overflow || sum < state->lowest_count || sum > state->highest_count) {
        return NULL;
    }
    sum += left;
    return sum > 0 && sum <= state->highest_count ? PyLong_FromLong(sum) : NULL;
}

/* The value of the option `active`, if `options` has that alone; borrowed, or NULL.  */
static PyObject *
only_active(State *state, PyObject *options)
{
    if (!PyDict_CheckExact(options) || PyDict_GET_SIZE(options) != 1) {
        return NULL;
    }
    PyObject *name, *value;
    Py_ssize_t at = 0;
    return PyDict_Next(options, &at, &name, &value) && name == state->str_active ? value : NULL;
}

/* Set the mode of a socket of which nothing waits to be delivered: 1, 0 or -1. If something waits, the
   Python sets the mode and delivers it: Ctrl-C must not interrupt a delivery, and only Python
   functions are protected from that.  */
static int
set_active_plainly(State *state, PyObject *sock, PyObject *options)
{
    PyObject *value = only_active(state, options);
    int is_socket = is_exactly(sock, state->tcp_socket_type)
                    || is_exactly(sock, state->udp_socket_type);
    PyObject *actor = is_socket ? SLOT(sock, state->socket__actor) : NULL;
    const ReceiverKind *kind = kind_of_receiver(state, actor);
    if (value == NULL || kind == NULL || SLOT(actor, state->actor_read_would_block) != Py_True) {
        return 0;
    }
    PyObject *turns = SLOT(actor, state->actor_turns);
    PyObject *mode = is_exactly(turns, state->turns_type)
                             && SLOT(turns, state->turns_closed) == Py_False
                         ? kind->mode_if_quiet(state, actor)
                         : NULL;
    PyObject *changed = mode == NULL ? NULL : changed_mode(state, mode, value);
    if (changed == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    slot_set(mode, state->mode_value, changed);
    if (kind == &STREAM) {
        slot_set(actor, state->stream_paused, Py_NewRef(Py_False));
    }
    return 1;
}

/* setopts(sock, options) */
static PyObject *
setopts(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (inet_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL) {
        int done = set_active_plainly(state, args[0], args[1]);
        if (done != 0) {
            return done < 0 ? NULL : Py_NewRef(state->inet_ok);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry ACTIVE_TWINS[] = {
    {"ReceivingActor.pump", pump},
    {"StreamActor.on_ready", on_ready},
    {"DatagramActor.on_ready", on_ready},
    {"setopts", setopts},
    {NULL, NULL},
};
