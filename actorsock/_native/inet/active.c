/* Active modes of streams, from readiness to the mailbox of the owner: the twins of
   `StreamActor.on_ready`, `ReceivingActor.pump` and `setopts`.

   A StreamActor has the slots of `Readiness` and `SocketLifetime` where a SocketActor has them, since
   both inherit them: `state->actor_fd`, say, holds for either.  */

#include "../core.h"

/* As in `stream_actor`; a larger read is left to the Python.  */
#define QUANTUM 65536
#define PACKET_COST 64
#define LARGEST_READ 65536

/* What the actor keeps for its whole life, held while it is pumped.  */
typedef struct {
    PyObject *actor; /* the caller's */
    PyObject *rules, *mode, *buffer, *statistics;
    PyObject *message; /* a `Tcp` to be filled: made before the packet is taken */
    long left;
} Pumped;

/* What comes next: -1 an exception is set.  */
enum { LEFT_TO_PYTHON = 0, FINISHED = 1, GO_ON = 2 };

static int
call_method(PyObject *object, PyObject *name)
{
    return done_with(PyObject_CallMethodNoArgs(object, name)) < 0 ? -1 : FINISHED;
}

/* StreamRules.reads, of an actor whose rules are plain: 1 or 0; -1 if they are not.  */
static int
is_read(State *state, PyObject *actor)
{
    PyObject *rules = SLOT(actor, state->stream_rules);
    if (!is_exactly(rules, state->rules_type)) {
        return -1;
    }
    PyObject *mode = SLOT(rules, state->rules_mode);
    if (!is_exactly(mode, state->mode_type) || SLOT(mode, state->mode_value) == NULL) {
        return -1;
    }
    /* Each stage is a word of the Python's source, and so there is one object of it.  */
    return SLOT(rules, state->rules_stage) == state->str_open
           && SLOT(mode, state->mode_value) != Py_False;
}

/* --- reading ----------------------------------------------------------------------------------- */

/* The input has ended, or has failed with `error`.  */
static int
end_input(State *state, PyObject *actor, int error)
{
    PyObject *reason = NULL;
    if (error == 0) {
        reason = Py_NewRef(state->str_closed);
    }
    else {
        PyObject *exc = os_error(error);
        PyObject *result = exc == NULL ? NULL : PyObject_CallOneArg(state->error_of, exc);
        if (is_exactly(result, state->error_type)) {
            reason = Py_XNewRef(SLOT(result, state->error_reason));
        }
        Py_XDECREF(result);
        Py_XDECREF(exc);
    }
    if (reason == NULL) {
        return -1;
    }
    int done = done_with(PyObject_CallMethodOneArg(actor, state->str__input_ended, reason));
    Py_DECREF(reason);
    return done < 0 ? -1 : FINISHED;
}

/* How much the next read asks for: 0 if that is not plain.  */
static Py_ssize_t
size_of_read(State *state, const Pumped *pumped)
{
    long size, needed, start;
    PyObject *data = SLOT(pumped->buffer, state->buffer__data);
    if (!slot_long(pumped->actor, state->stream_read_size, &size) || size <= 0 || data == NULL
        || !slot_long(pumped->buffer, state->buffer_needed, &needed)
        || !slot_long(pumped->buffer, state->buffer__start, &start)) {
        return 0;
    }
    if (needed > size) {
        Py_ssize_t missing = needed - (Py_SIZE(data) - start);
        size = Py_MAX(size, missing);
    }
    return size <= LARGEST_READ ? size : 0;
}

/* --- one packet -------------------------------------------------------------------------------- */

/* Statistics.received(buffer.taken)  */
static void
count_packet(State *state, const Pumped *pumped)
{
    PyObject *statistics = pumped->statistics;
    long size, total, packets;
    if (!slot_long(pumped->buffer, state->buffer_taken, &size)) {
        return;
    }
    count_in_slot(statistics, state->statistics_recv_oct, size);
    count_in_slot(statistics, state->statistics_recv_cnt, 1);
    count_largest_in_slot(statistics, state->statistics_recv_max, size);
    PyObject *former = SLOT(statistics, state->statistics_deviations);
    if (former == NULL || !PyFloat_CheckExact(former)
        || !slot_long(statistics, state->statistics_recv_oct, &total)
        || !slot_long(statistics, state->statistics_recv_cnt, &packets) || packets < 1) {
        return;
    }
    PyObject *sum = PyFloat_FromDouble(PyFloat_AS_DOUBLE(former)
                                       + ((double)size - (double)total / (double)packets));
    if (sum == NULL) {
        PyErr_Clear(); /* as in `count` */
        return;
    }
    slot_set(statistics, state->statistics_deviations, sum);
}

/* ActiveMode.delivered(): 1 if a passive message is due, 0, or -1.  */
static int
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

/* Send the owner a packet, whose reference is taken over.  */
static int
deliver_packet(State *state, Pumped *pumped, PyObject *packet)
{
    PyObject *handle = SLOT(pumped->actor, state->actor_socket_object);
    PyObject *message = pumped->message;
    pumped->message = NULL;
    SLOT(message, state->tcp_socket) = Py_XNewRef(handle);
    SLOT(message, state->tcp_data) = packet;
    pumped->left -= PACKET_COST;
    count_packet(state, pumped);
    int passive = count_down(state, pumped->mode), done = passive < 0 ? -1 : 1;
    PyObject *owner = SLOT(pumped->actor, state->stream_owner_process);
    if (done > 0 && owner != NULL && owner != Py_None) {
        Py_INCREF(owner);
        done = is_exactly(owner, state->process_type) ? deliver_plainly(state, owner, message) : 0;
        if (done == 0) {
            done = done_with(PyObject_CallMethodOneArg(owner, state->str_deliver, message));
            done = done < 0 ? -1 : 1;
        }
        Py_DECREF(owner);
    }
    Py_DECREF(message);
    if (done > 0 && passive) {
        done = call_method(pumped->actor, state->str_tell_passive);
    }
    return done < 0 ? -1 : GO_ON;
}

static int
is_empty(State *state, const Pumped *pumped)
{
    PyObject *data = SLOT(pumped->buffer, state->buffer__data);
    return data != NULL && PyBytes_CheckExact(data) && PyBytes_GET_SIZE(data) == 0;
}

/* Make the message of the next packet, before anything is taken that could be lost.  */
static int
prepare_message(State *state, Pumped *pumped)
{
    if (pumped->message == NULL) {
        pumped->message = new_instance(state->tcp_type);
    }
    return pumped->message == NULL ? -1 : 0;
}

/* Deliver what was read, whose reference is taken over, or put it into the buffer.  */
static int
take_in(State *state, Pumped *pumped, PyObject *data)
{
    PyObject *packet = NULL;
    if (!is_empty(state, pumped)) {
        int done = done_with(PyObject_CallMethodOneArg(pumped->buffer, state->str_feed, data));
        Py_DECREF(data);
        return done < 0 ? -1 : GO_ON;
    }
    int whole = whole_packet(state, pumped->buffer, data, &packet);
    if (whole > 0) {
        Py_DECREF(data);
        return deliver_packet(state, pumped, packet);
    }
    slot_set(pumped->buffer, state->buffer__data, data);
    return whole < 0 ? -1 : GO_ON;
}

/* Read once.  */
static int
read_more(State *state, Pumped *pumped)
{
    PyObject *actor = pumped->actor;
    PyObject *kind = SLOT(actor, state->actor_kind);
    PyObject *watched = SLOT(actor, state->actor_watched);
    Py_ssize_t size = size_of_read(state, pumped);
    long fd;
    int error;
    if (size == 0 || watched == NULL || !is_exactly(kind, state->kind_type)
        || SLOT(actor, state->actor_has_low_water_mark) != Py_False
        || !is_exactly(SLOT(actor, state->actor_sock), state->std_socket_type)
        || !slot_long(actor, state->actor_fd, &fd) || fd < 0 || fd > INT_MAX) {
        return LEFT_TO_PYTHON;
    }
    if (prepare_message(state, pumped) < 0) {
        return -1;
    }
    int stops_short = SLOT(kind, state->kind_is_tcp) == Py_True
                      && SLOT(actor, state->actor_saw_end) == Py_False;
    PyObject *data = receive_bytes(state, (int)fd, size, &error, NULL, NULL);
    if (data == NULL) {
        if (error < 0) {
            return -1;
        }
        if (error != 0 && would_block(error)) {
            slot_set(actor, state->actor_read_would_block, Py_NewRef(watched));
            return watched == Py_True ? FINISHED
                   : done_with(PyObject_CallMethodOneArg(actor, state->str_ensure_watched,
                                                         state->str_read)) < 0
                       ? -1
                       : FINISHED;
        }
        if (error == 0 && stops_short) {
            slot_set(actor, state->actor_read_would_block, Py_NewRef(Py_False));
        }
        return end_input(state, actor, error);
    }
    Py_ssize_t got = PyBytes_GET_SIZE(data);
    if (got < size && stops_short) {
        slot_set(actor, state->actor_read_would_block, Py_NewRef(watched));
    }
    pumped->left -= got;
    return take_in(state, pumped, data);
}

/* Deliver the next packet, or read.  */
static int
pump_once(State *state, Pumped *pumped)
{
    PyObject *actor = pumped->actor, *packet;
    if (SLOT(pumped->rules, state->rules_stage) != state->str_open
        || SLOT(actor, state->stream_make) != state->tcp_type) {
        return LEFT_TO_PYTHON;
    }
    if (SLOT(pumped->mode, state->mode_value) == Py_False) {
        return FINISHED;
    }
    if (!is_empty(state, pumped)) {
        if (prepare_message(state, pumped) < 0) {
            return -1;
        }
        int done = next_packet(state, pumped->buffer, &packet);
        if (done <= 0) {
            return done < 0 ? -1 : LEFT_TO_PYTHON;
        }
        if (packet != NULL) {
            return deliver_packet(state, pumped, packet);
        }
    }
    if (pumped->left <= 0) {
        return call_method(actor, state->str__again);
    }
    return SLOT(actor, state->actor_read_would_block) == Py_True ? FINISHED
                                                                : read_more(state, pumped);
}

/* --- pumping ----------------------------------------------------------------------------------- */

/* StreamActor.deliver_arrived(), in Python from where it is not plain any more: 0 or -1.  */
static int
deliver_arrived(State *state, Pumped *pumped)
{
    int done;
    do {
        done = pump_once(state, pumped);
    } while (done == GO_ON);
    Py_CLEAR(pumped->message);
    if (done == LEFT_TO_PYTHON) {
        PyObject *left = PyLong_FromLong(pumped->left);
        done = left == NULL ? -1
                            : done_with(PyObject_CallMethodOneArg(
                                  pumped->actor, state->str_deliver_arrived, left));
        Py_XDECREF(left);
    }
    return done < 0 ? -1 : 0;
}

/* ReceivingActor.pump(), of an actor that the caller holds: 1, 0 or -1.  */
static int
pump_plainly(State *state, PyObject *actor)
{
    PyObject *unseen = SLOT(actor, state->stream_unseen);
    int reads = is_read(state, actor);
    if (SLOT(actor, state->stream_woken) != Py_None || reads < 0
        || SLOT(actor, state->stream_pumping) != Py_False
        || !is_exactly(unseen, state->deque_type) || Py_SIZE(unseen) != 0
        || !is_exactly(SLOT(actor, state->stream_buffer), state->buffer_type)
        || !is_exactly(SLOT(actor, state->stream_statistics), state->statistics_type)) {
        return 0;
    }
    PyObject *rules = SLOT(actor, state->stream_rules);
    Pumped pumped = {
        .actor = actor,
        .rules = Py_NewRef(rules),
        .mode = Py_NewRef(SLOT(rules, state->rules_mode)),
        .buffer = Py_NewRef(SLOT(actor, state->stream_buffer)),
        .statistics = Py_NewRef(SLOT(actor, state->stream_statistics)),
        .left = QUANTUM,
    };
    slot_set(actor, state->stream_pumping, Py_NewRef(Py_True));
    int done = deliver_arrived(state, &pumped);
    slot_set(actor, state->stream_pumping, Py_NewRef(Py_False));
    if (done == 0 && SLOT(actor, state->stream_waiter) != Py_None && is_read(state, actor) != 1) {
        done = call_method(actor, state->str_serve_waiter);
    }
    Py_DECREF(pumped.statistics);
    Py_DECREF(pumped.buffer);
    Py_DECREF(pumped.mode);
    Py_DECREF(pumped.rules);
    return done < 0 ? -1 : 1;
}

/* ReceivingActor.pump(self) */
static PyObject *
pump(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (inet_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 1 && kwnames == NULL
        && is_exactly(args[0], self->state->stream_type)) {
        int done = pump_plainly(self->state, args[0]);
        if (done != 0) {
            return done < 0 ? NULL : Py_NewRef(Py_None);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* --- readiness --------------------------------------------------------------------------------- */

/* The socket can be read: 1, 0 or -1.  */
static int
read_is_ready(State *state, PyObject *actor, int reads)
{
    slot_set(actor, state->actor_read_would_block, Py_NewRef(Py_False));
    if (!reads) {
        return SLOT(actor, state->stream_waiter) == Py_None
                   ? 1
                   : call_method(actor, state->str_serve_waiter);
    }
    if (SLOT(actor, state->stream_paused) == Py_True) {
        return 1;
    }
    int done = pump_plainly(state, actor);
    return done == 0 ? call_method(actor, state->str_pump) : done;
}

/* It can be written, and is open.  */
static int
write_is_ready(State *state, PyObject *actor)
{
    long queued;
    PyObject *turns = SLOT(actor, state->actor_turns);
    if (!is_exactly(turns, state->turns_type) || SLOT(turns, state->turns_closed) != Py_False) {
        return 1;
    }
    slot_set(actor, state->actor_write_would_block, Py_NewRef(Py_False));
    PyObject *queue = SLOT(actor, state->stream_queue);
    if (is_exactly(queue, state->queue_type) && slot_long(queue, state->queue_size, &queued)
        && queued == 0) {
        return 1;
    }
    return call_method(actor, state->str_flush);
}

int
report_to_stream(State *state, PyObject *actor, int read, int write, int ended)
{
    int reads = is_read(state, actor), done = 1;
    if (reads < 0 || SLOT(actor, state->stream_connecting) != Py_None) {
        return 0;
    }
    if (ended) {
        slot_set(actor, state->actor_saw_end, Py_NewRef(Py_True));
    }
    if (read) {
        done = read_is_ready(state, actor, reads);
    }
    return done > 0 && write ? write_is_ready(state, actor) : done;
}

/* StreamActor.on_ready(self, read, write, ended) */
static PyObject *
on_ready(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (inet_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 4 || kwnames != NULL
        || !is_exactly(args[0], state->stream_type)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    int truth[3];
    for (int i = 0; i < 3; i++) {
        truth[i] = PyObject_IsTrue(args[i + 1]);
        if (truth[i] < 0) {
            return NULL;
        }
    }
    int done = report_to_stream(state, args[0], truth[0], truth[1], truth[2]);
    if (done == 0) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return done < 0 ? NULL : Py_NewRef(Py_None);
}

/* --- setopts ----------------------------------------------------------------------------------- */

/* The mode that `value` makes of the mode of an open stream; a new reference. NULL, with or without
   an exception, if that is not plain: a passive message is due, or the sum is too large.  */
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

/* Set the mode of a stream in which nothing waits to be delivered: 1, 0 or -1.  */
static int
set_active_plainly(State *state, PyObject *sock, PyObject *options)
{
    PyObject *value = only_active(state, options);
    PyObject *actor = is_exactly(sock, state->tcp_socket_type)
                          ? SLOT(sock, state->socket__actor)
                          : NULL;
    if (value == NULL || !is_exactly(actor, state->stream_type) || is_read(state, actor) < 0) {
        return 0;
    }
    PyObject *turns = SLOT(actor, state->actor_turns);
    PyObject *rules = SLOT(actor, state->stream_rules);
    PyObject *buffer = SLOT(actor, state->stream_buffer);
    PyObject *unseen = SLOT(actor, state->stream_unseen);
    if (!is_exactly(turns, state->turns_type) || SLOT(turns, state->turns_closed) != Py_False
        || SLOT(rules, state->rules_stage) != state->str_open
        || !is_exactly(buffer, state->buffer_type) || !is_exactly(unseen, state->deque_type)) {
        return 0;
    }
    PyObject *data = SLOT(buffer, state->buffer__data);
    if (SLOT(actor, state->actor_read_would_block) != Py_True || data == NULL || Py_SIZE(data) != 0
        || Py_SIZE(unseen) != 0) {
        return 0; /* something may be there to be delivered, by a function that Ctrl-C spares */
    }
    PyObject *mode = SLOT(rules, state->rules_mode);
    PyObject *changed = changed_mode(state, mode, value);
    if (changed == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    slot_set(mode, state->mode_value, changed);
    slot_set(actor, state->stream_paused, Py_NewRef(Py_False));
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
    {"setopts", setopts},
    {NULL, NULL},
};
