/* Active modes of datagrams: what the twins of `DatagramActor.on_ready` and of `ReceivingActor.pump` do
   for sockets of gen_udp.  */

#include "active.h"

#include <string.h>

#ifndef MS_WINDOWS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

/* As in `datagram_actor`.  */
#define QUANTUM 64
/* A larger buffer is left to the Python.  */
#define LARGEST_DATAGRAM 65536

/* What the actor keeps for its whole life, held while its datagrams are delivered.  */
typedef struct {
    PyObject *actor; /* the caller's */
    PyObject *mode, *statistics, *turns;
    PyObject *message; /* a `Udp` to be filled: made before the datagram is taken */
    long left;
} Arrived;

int
datagrams_are_read(State *state, PyObject *actor)
{
    PyObject *mode = SLOT(actor, state->datagrams_mode);
    if (!is_exactly(mode, state->mode_type) || SLOT(mode, state->mode_value) == NULL) {
        return -1;
    }
    return SLOT(mode, state->mode_value) != Py_False;
}

PyObject *
mode_of_quiet_datagrams(State *state, PyObject *actor)
{
    return datagrams_are_read(state, actor) >= 0 && nothing_is_kept(state, actor)
               ? SLOT(actor, state->datagrams_mode)
               : NULL;
}

/* --- one datagram ------------------------------------------------------------------------------ */

/* Whether the options `mode` and `header` ask for plain bytes.  */
static int
gives_bytes(State *state, PyObject *actor)
{
    PyObject *shape = SLOT(actor, state->datagrams_shape);
    if (shape == NULL || !PyTuple_CheckExact(shape) || PyTuple_GET_SIZE(shape) != 2
        || PyTuple_GET_ITEM(shape, 0) != state->str_binary) {
        return 0;
    }
    PyObject *header = PyTuple_GET_ITEM(shape, 1);
    return PyLong_CheckExact(header) && PyObject_Not(header) == 1;
}

/* Look at the actor: 1 if the next datagram comes from the kernel, over IPv4, and becomes a `Udp` with
   its bytes.  */
static int
is_plain_input(State *state, PyObject *actor, int *fd, Py_ssize_t *size)
{
    long family, number, buffer;
    PyObject *kind = SLOT(actor, state->actor_kind);
    PyObject *ancillary = SLOT(actor, state->datagrams_ancillary);
    if (!is_exactly(kind, state->kind_type) || !slot_long(kind, state->kind_family, &family)
        || family != AF_INET || SLOT(actor, state->datagrams_make) != state->make_udp
        || ancillary == NULL || !PySet_CheckExact(ancillary) || PySet_GET_SIZE(ancillary) != 0
        || !gives_bytes(state, actor) || !nothing_is_kept(state, actor)
        || !is_exactly(SLOT(actor, state->actor_sock), state->std_socket_type)
        || !slot_long(actor, state->actor_fd, &number) || number < 0 || number > INT_MAX
        || !slot_long(actor, state->datagrams_size, &buffer) || buffer <= 0
        || buffer > LARGEST_DATAGRAM) {
        return 0;
    }
    *fd = (int)number;
    *size = buffer;
    return 1;
}

/* The text of an address; a new reference. Most datagrams come from where the last one came from.  */
static PyObject *
text_of_host(State *state, const struct sockaddr_in *source)
{
    char text[INET_ADDRSTRLEN];
    long host = (long)ntohl(source->sin_addr.s_addr);
    if (state->last_text != NULL && host == state->last_text_host) {
        return Py_NewRef(state->last_text);
    }
    if (source->sin_family != AF_INET) {
        PyErr_SetString(PyExc_ValueError, "a datagram without an address of IPv4");
        return NULL;
    }
    if (inet_ntop(AF_INET, &source->sin_addr, text, sizeof text) == NULL) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *made = PyUnicode_FromString(text);
    if (made != NULL) {
        Py_XSETREF(state->last_text, Py_NewRef(made));
        state->last_text_host = host;
    }
    return made;
}

/* Send the owner a datagram, whose reference is taken over.  */
static int
deliver_datagram(State *state, Arrived *arrived, const struct sockaddr_in *source, PyObject *data)
{
    PyObject *message = arrived->message;
    PyObject *host = text_of_host(state, source);
    PyObject *port = host == NULL ? NULL : PyLong_FromLong(ntohs(source->sin_port));
    if (port == NULL) {
        Py_XDECREF(host);
        Py_DECREF(data);
        return -1;
    }
    arrived->message = NULL;
    SLOT(message, state->udp_socket) = Py_XNewRef(SLOT(arrived->actor, state->actor_socket_object));
    SLOT(message, state->udp_address) = host;
    SLOT(message, state->udp_port) = port;
    SLOT(message, state->udp_data) = data;
    SLOT(message, state->udp_ancillary) = Py_NewRef(Py_None);
    count_received(arrived->statistics, PyBytes_GET_SIZE(data));
    int passive = count_down(state, arrived->mode);
    int done = passive < 0 ? -1 : deliver_to_owner(state, arrived->actor, message, passive);
    Py_DECREF(message);
    return done;
}

/* Nothing is there: the poller will report.  */
static int
wait_for_more(State *state, PyObject *actor)
{
    if (SLOT(actor, state->actor_watched) == Py_True) {
        return FINISHED;
    }
    return done_with(PyObject_CallMethodOneArg(actor, state->str_ensure_watched, state->str_read)) < 0
               ? -1
               : FINISHED;
}

/* The system call has failed; `error` is -1 if an exception is set.  */
static int
not_received(State *state, PyObject *actor, int error)
{
    if (error < 0) {
        return -1;
    }
    if (would_block(error)) {
        int known = SLOT(actor, state->actor_watched) == Py_True
                    && SLOT(actor, state->actor_has_low_water_mark) == Py_False;
        slot_set(actor, state->actor_read_would_block, PyBool_FromLong(known));
        return wait_for_more(state, actor);
    }
    PyObject *reason = reason_of(state, error);
    int done = reason == NULL ? -1
                              : done_with(PyObject_CallMethodOneArg(
                                    actor, state->str__tell_error, reason));
    Py_XDECREF(reason);
    return done < 0 ? -1 : GO_ON;
}

/* Read and deliver the next datagram.  */
static int
deliver_next(State *state, Arrived *arrived)
{
    struct sockaddr_in source;
    unsigned int length = sizeof source;
    PyObject *actor = arrived->actor;
    Py_ssize_t size;
    int fd, error;
    if (SLOT(arrived->mode, state->mode_value) == Py_False) {
        return FINISHED;
    }
    if (prepare_message(state->udp_type, &state->kept_udp, &arrived->message) < 0) {
        return -1;
    }
    if (SLOT(arrived->turns, state->turns_closed) != Py_False) {
        return FINISHED;
    }
    if (!is_plain_input(state, actor, &fd, &size)) {
        return LEFT_TO_PYTHON;
    }
    if (arrived->left == 0) {
        return call_method(actor, state->str__again);
    }
    arrived->left--;
    if (SLOT(actor, state->actor_read_would_block) == Py_True) {
        return wait_for_more(state, actor);
    }
    memset(&source, 0, sizeof source);
    PyObject *data = receive_bytes(state, fd, size, &error, &source, &length);
    return data == NULL ? not_received(state, actor, error)
                        : deliver_datagram(state, arrived, &source, data);
}

/* --- all that has arrived ---------------------------------------------------------------------- */

int
deliver_datagrams(State *state, PyObject *actor)
{
    PyObject *statistics = SLOT(actor, state->receiver_statistics);
    PyObject *turns = SLOT(actor, state->actor_turns);
    if (datagrams_are_read(state, actor) < 0 || !is_exactly(statistics, state->statistics_type)
        || !is_exactly(turns, state->turns_type)) {
        return 0;
    }
    Arrived arrived = {
        .actor = actor,
        .mode = Py_NewRef(SLOT(actor, state->datagrams_mode)),
        .statistics = Py_NewRef(statistics),
        .turns = Py_NewRef(turns),
        .left = QUANTUM,
    };
    int done;
    do {
        done = deliver_next(state, &arrived);
    } while (done == GO_ON);
    Py_XDECREF(arrived.message);
    if (done == LEFT_TO_PYTHON) {
        done = leave_to_python(state, actor, arrived.left);
    }
    Py_DECREF(arrived.turns);
    Py_DECREF(arrived.statistics);
    Py_DECREF(arrived.mode);
    return done < 0 ? -1 : 1;
}

int
report_to_datagrams(State *state, PyObject *actor, const Report *report)
{
    int reads = datagrams_are_read(state, actor);
    if (reads < 0) {
        return 0;
    }
    if (report->write) {
        slot_set(actor, state->actor_write_would_block, Py_NewRef(Py_False));
    }
    if (!report->read && !report->ended) {
        return 1;
    }
    slot_set(actor, state->actor_read_would_block, Py_NewRef(Py_False));
    if (!reads) {
        return SLOT(actor, state->receiver_waiter) == Py_None
                   ? 1
                   : call_method(actor, state->str_serve_waiter);
    }
    int done = pump_plainly(state, actor);
    return done == 0 ? call_method(actor, state->str_pump) : done;
}
