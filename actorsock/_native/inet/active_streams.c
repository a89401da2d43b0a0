/* Active modes of streams: what the twins of `StreamActor.on_ready` and of `ReceivingActor.pump` do for
   sockets of gen_tcp.  */

#include "active.h"

/* As in `stream_input`; a larger read is left to the Python.  */
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

/* StreamRules.reads  */
int
stream_reads(State *state, PyObject *actor)
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
    PyObject *reason = error == 0 ? Py_NewRef(state->str_closed) : reason_of(state, error);
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

/* Send the owner a packet, whose reference is taken over.  */
static int
deliver_packet(State *state, Pumped *pumped, PyObject *packet)
{
    PyObject *handle = SLOT(pumped->actor, state->actor_socket_object);
    PyObject *message = pumped->message;
    long size;
    pumped->message = NULL;
    SLOT(message, state->tcp_socket) = Py_XNewRef(handle);
    SLOT(message, state->tcp_data) = packet;
    pumped->left -= PACKET_COST;
    if (slot_long(pumped->buffer, state->buffer_taken, &size)) {
        count_received(pumped->statistics, size);
    }
    int passive = count_down(state, pumped->mode);
    int done = passive < 0 ? -1 : deliver_to_owner(state, pumped->actor, message, passive);
    Py_DECREF(message);
    return done;
}

static int
is_empty(State *state, const Pumped *pumped)
{
    PyObject *data = SLOT(pumped->buffer, state->buffer__data);
    return data != NULL && PyBytes_CheckExact(data) && PyBytes_GET_SIZE(data) == 0;
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
    if (SLOT(pumped->mode, state->mode_value) == Py_False) {
        return FINISHED;
    }
    if (SLOT(actor, state->actor_read_would_block) == Py_True && pumped->left > 0
        && is_empty(state, pumped)) {
        return FINISHED; /* as in most cases after one packet: without a message in vain */
    }
    if (prepare_message(state->tcp_type, &state->kept_tcp, &pumped->message) < 0) {
        return -1;
    }
    if (SLOT(pumped->rules, state->rules_stage) != state->str_open
        || SLOT(actor, state->stream_make) != state->tcp_type) {
        return LEFT_TO_PYTHON;
    }
    if (!is_empty(state, pumped)) {
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

/* --- all that has arrived ---------------------------------------------------------------------- */

int
deliver_from_stream(State *state, PyObject *actor)
{
    if (stream_reads(state, actor) < 0 || !nothing_is_kept(state, actor)
        || !is_exactly(SLOT(actor, state->stream_buffer), state->buffer_type)
        || !is_exactly(SLOT(actor, state->receiver_statistics), state->statistics_type)) {
        return 0;
    }
    PyObject *rules = SLOT(actor, state->stream_rules);
    Pumped pumped = {
        .actor = actor,
        .rules = Py_NewRef(rules),
        .mode = Py_NewRef(SLOT(rules, state->rules_mode)),
        .buffer = Py_NewRef(SLOT(actor, state->stream_buffer)),
        .statistics = Py_NewRef(SLOT(actor, state->receiver_statistics)),
        .left = QUANTUM,
    };
    int done;
    do {
        done = pump_once(state, &pumped);
    } while (done == GO_ON);
    Py_CLEAR(pumped.message);
    if (done == LEFT_TO_PYTHON) {
        done = leave_to_python(state, actor, pumped.left);
    }
    Py_DECREF(pumped.statistics);
    Py_DECREF(pumped.buffer);
    Py_DECREF(pumped.mode);
    Py_DECREF(pumped.rules);
    return done < 0 ? -1 : 1;
}

PyObject *
mode_of_quiet_stream(State *state, PyObject *actor)
{
    if (stream_reads(state, actor) < 0 || !nothing_is_kept(state, actor)) {
        return NULL;
    }
    PyObject *rules = SLOT(actor, state->stream_rules);
    PyObject *buffer = SLOT(actor, state->stream_buffer);
    PyObject *data = is_exactly(buffer, state->buffer_type)
                         ? SLOT(buffer, state->buffer__data)
                         : NULL;
    return SLOT(rules, state->rules_stage) == state->str_open && data != NULL && Py_SIZE(data) == 0
               ? SLOT(rules, state->rules_mode)
               : NULL;
}

/* --- readiness --------------------------------------------------------------------------------- */

/* The socket can be read: 1, 0 or -1.  */
static int
read_is_ready(State *state, PyObject *actor, int reads)
{
    slot_set(actor, state->actor_read_would_block, Py_NewRef(Py_False));
    if (!reads) {
        return SLOT(actor, state->receiver_waiter) == Py_None
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
report_to_stream(State *state, PyObject *actor, const Report *report)
{
    int reads = stream_reads(state, actor), done = 1;
    if (reads < 0 || SLOT(actor, state->stream_connecting) != Py_None) {
        return 0;
    }
    if (report->ended) {
        slot_set(actor, state->actor_saw_end, Py_NewRef(Py_True));
    }
    if (report->read) {
        done = read_is_ready(state, actor, reads);
    }
    return done > 0 && report->write ? write_is_ready(state, actor) : done;
}
