/* Receiving and sending the bytes of a stream: the twins of `RecvWhatIsThere.attempt`,
   `send_plainly`, `Readiness.nothing_to_read` and `SocketActor.select_for`.

   The system calls are made without giving up the global lock: they move 64 KiB at most and never
   block (MSG_DONTWAIT), also if another program has made the open file blocking.  */

#include "core.h"

#include <errno.h>
#include <string.h>

#ifndef MS_WINDOWS
#include <poll.h>
#include <sys/socket.h>
#endif

#ifdef MSG_DONTWAIT
#define PLAIN_FLAGS MSG_DONTWAIT
#else
#define PLAIN_FLAGS 0
#endif

#ifdef MSG_NOSIGNAL
#define SEND_FLAGS (PLAIN_FLAGS | MSG_NOSIGNAL)
#else
#define SEND_FLAGS PLAIN_FLAGS
#endif

/* The most bytes that a twin moves: a transfer of more costs reductions, and is left to the
   Python.  */
#define LARGEST_TRANSFER 65536

/* --- counters ---------------------------------------------------------------------------------- */

/* Add to the counter at `offset`. A counter that can't be written for want of memory stays as it is:
   the bytes that it counts have been moved, and must not be lost with it.  */
static void
count(PyObject *counters, Py_ssize_t offset, Py_ssize_t amount)
{
    PyObject *former = SLOT(counters, offset), *sum;
    long value = 0;
    if (former == NULL || (slot_long(counters, offset, &value) && value <= LONG_MAX - amount)) {
        sum = PyLong_FromLong(value + (long)amount);
    }
    else {
        PyObject *addend = PyLong_FromSsize_t(amount);
        sum = addend == NULL ? NULL : PyNumber_Add(former, addend);
        Py_XDECREF(addend);
    }
    if (sum == NULL) {
        PyErr_Clear();
        return;
    }
    slot_set(counters, offset, sum);
}

/* Raise the counter at `offset` to `amount`, if it is lower.  */
static void
count_largest(PyObject *counters, Py_ssize_t offset, Py_ssize_t amount)
{
    long value;
    PyObject *former = SLOT(counters, offset);
    if (former != NULL && (!slot_long(counters, offset, &value) || value >= amount)) {
        return;
    }
    PyObject *largest = PyLong_FromSsize_t(amount);
    if (largest == NULL) {
        PyErr_Clear();
        return;
    }
    slot_set(counters, offset, largest);
}

/* --- the socket -------------------------------------------------------------------------------- */

typedef struct {
    PyObject *counters, *kind; /* borrowed */
    int fd;
} Stream;

/* Look at `actor`: 1 if it is an open stream with a descriptor of the usual kind.  */
static int
is_plain_stream(State *state, PyObject *actor, Stream *stream)
{
    long fd;
    if (!is_exactly(actor, state->actor_type)) {
        return 0;
    }
    PyObject *turns = SLOT(actor, state->actor_turns);
    stream->kind = SLOT(actor, state->actor_kind);
    stream->counters = SLOT(actor, state->actor_counters);
    if (!is_exactly(turns, state->turns_type) || SLOT(turns, state->turns_closed) != Py_False
        || !is_exactly(stream->kind, state->kind_type)
        || SLOT(stream->kind, state->kind_is_stream) != Py_True
        || !is_exactly(SLOT(actor, state->actor_sock), state->std_socket_type)
        || !is_exactly(stream->counters, state->counters_type)
        || !slot_long(actor, state->actor_fd, &fd) || fd < 0 || fd > INT_MAX) {
        return 0;
    }
    stream->fd = (int)fd;
    return 1;
}

/* The errors of which Python makes a `BlockingIOError`.  */
static int
would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EALREADY || error == EINPROGRESS;
}

/* An `OSError`, or the subclass for that number, that is not raised.  */
static PyObject *
os_error(int number)
{
    return PyObject_CallFunction(PyExc_OSError, "is", number, strerror(number));
}

/* --- receiving --------------------------------------------------------------------------------- */

/* Receive up to `size` bytes. A new bytes object, or NULL with `*error`: an errno, 0 at the end of
   the stream, -1 if an exception is set.

   Most reads bring little, so the buffer is kept for the next one, and its content is copied; a
   buffer that was filled by more than a quarter is cut and given away.  */
static PyObject *
receive_bytes(State *state, int fd, Py_ssize_t size, int *error)
{
    PyObject *buffer = state->spare;
    *error = -1;
    state->spare = NULL;
    if (buffer != NULL && PyBytes_GET_SIZE(buffer) != size) {
        Py_CLEAR(buffer);
    }
    if (buffer == NULL) {
        buffer = PyBytes_FromStringAndSize(NULL, size);
        if (buffer == NULL) {
            return NULL;
        }
    }
    ssize_t got;
    do {
        got = recv(fd, PyBytes_AS_STRING(buffer), (size_t)size, PLAIN_FLAGS);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        *error = got < 0 ? errno : 0;
        state->spare = buffer;
        return NULL;
    }
    if (got <= size / 4) {
        PyObject *data = PyBytes_FromStringAndSize(PyBytes_AS_STRING(buffer), got);
        if (data != NULL) {
            state->spare = buffer;
            return data;
        }
        PyErr_Clear(); /* the bytes are taken from the kernel: give them away with the buffer */
    }
    if (got < size) {
        (void)_PyBytes_Resize(&buffer, got); /* NULL if it fails */
    }
    return buffer;
}

int
attempt_plainly(State *state, PyObject *actor, PyObject **result)
{
    Stream stream;
    long size, reads;
    int error;
    if (!is_plain_stream(state, actor, &stream)) {
        return 0;
    }
    PyObject *settings = SLOT(actor, state->actor_settings);
    PyObject *unread = SLOT(actor, state->actor_unread);
    PyObject *watched = SLOT(actor, state->actor_watched);
    if (!is_exactly(settings, state->settings_type) || unread == NULL || !PyBytes_CheckExact(unread)
        || PyBytes_GET_SIZE(unread) != 0 || watched == NULL
        || !slot_long(settings, state->settings_read_count, &reads) || reads != 1
        || !slot_long(settings, state->settings_read_size, &size) || size <= 0
        || size > LARGEST_TRANSFER) {
        return 0;
    }
    count(stream.counters, state->counters_read_tries, 1);
    PyObject *data = receive_bytes(state, stream.fd, size, &error);
    if (data == NULL) {
        if (error == 0) {
            *result = PyObject_CallOneArg(state->end_of_stream, actor);
        }
        else if (error < 0) {
            *result = NULL;
        }
        else if (would_block(error)) {
            slot_set(actor, state->actor_read_would_block, Py_NewRef(watched));
            *result = Py_NewRef(Py_None);
        }
        else {
            PyObject *exc = os_error(error);
            *result = exc == NULL
                          ? NULL
                          : PyObject_CallFunctionObjArgs(state->refused, actor, exc, NULL);
            Py_XDECREF(exc);
        }
        return *result == NULL ? -1 : 1;
    }
    Py_ssize_t got = PyBytes_GET_SIZE(data);
    if (got < size && SLOT(stream.kind, state->kind_is_tcp) == Py_True
        && SLOT(actor, state->actor_saw_end) == Py_False) {
        slot_set(actor, state->actor_read_would_block, Py_NewRef(watched));
    }
    count(stream.counters, state->counters_read_byte, got);
    count(stream.counters, state->counters_read_pkg, 1);
    count_largest(stream.counters, state->counters_read_pkg_max, got);
    PyObject *ok = new_instance(state->ok_type);
    if (ok == NULL) {
        slot_set(actor, state->actor_unread, data); /* for the next receive */
        return -1;
    }
    SLOT(ok, state->ok_value) = data;
    *result = ok;
    return 1;
}

/* RecvWhatIsThere.attempt(self, actor, pid, patient) */
static PyObject *
attempt(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    PyObject *result;
    if (sockets_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 4 && kwnames == NULL) {
        int done = attempt_plainly(self->state, args[1], &result);
        if (done != 0) {
            return done < 0 ? NULL : result;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* 1 if a receive would surely find nothing, 0 if it may, -1 if the case is not plain.  */
static int
finds_nothing(State *state, PyObject *actor)
{
    Stream stream;
    if (!is_plain_stream(state, actor, &stream)) {
        return -1;
    }
    PyObject *unread = SLOT(actor, state->actor_unread);
    if (SLOT(actor, state->actor_read_would_block) != Py_True) {
        return 0;
    }
    if (unread == NULL || !PyBytes_CheckExact(unread) || PyBytes_GET_SIZE(unread) != 0
        || SLOT(actor, state->actor_has_low_water_mark) != Py_False) {
        return -1;
    }
    struct pollfd asked = {.fd = stream.fd, .events = POLLIN};
    if (poll(&asked, 1, 0) != 0) {
        return 0; /* ready, or an error, which the attempt will get */
    }
    count(stream.counters, state->counters_read_tries, 1);
    return 1;
}

/* Readiness.nothing_to_read(self) */
static PyObject *
nothing_to_read(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (sockets_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 1 && kwnames == NULL) {
        int nothing = finds_nothing(self->state, args[0]);
        if (nothing >= 0) {
            return PyBool_FromLong(nothing);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* --- the select of a receive ------------------------------------------------------------------- */

/* Select(SelectInfo("recv", handle)) */
static PyObject *
new_select(State *state, PyObject *handle)
{
    PyObject *info = new_instance(state->select_info_type);
    if (info == NULL) {
        return NULL;
    }
    SLOT(info, state->select_info_tag) = Py_NewRef(state->str_recv);
    SLOT(info, state->select_info_ref) = Py_NewRef(handle);
    SLOT(info, state->select_info_continuation) = Py_NewRef(Py_None);
    PyObject *select = new_instance(state->select_type);
    if (select == NULL) {
        Py_DECREF(info);
        return NULL;
    }
    SLOT(select, state->select_info) = info;
    SLOT(select, state->select_data) = Py_NewRef(Py_None);
    return select;
}

/* User(pid, "recv", handle, "recv") */
static PyObject *
new_reader(State *state, PyObject *pid, PyObject *handle)
{
    PyObject *user = new_instance(state->user_type);
    if (user != NULL) {
        SLOT(user, state->user_pid) = Py_NewRef(pid);
        SLOT(user, state->user_activity) = Py_NewRef(state->str_recv);
        SLOT(user, state->user_handle) = Py_NewRef(handle);
        SLOT(user, state->user_tag) = Py_NewRef(state->str_recv);
        SLOT(user, state->user_op) = Py_NewRef(Py_None);
    }
    return user;
}

/* SocketActor.select_for(self, op, pid, lane, handle) */
static PyObject *
select_for(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 5 || kwnames != NULL
        || !is_exactly(args[0], state->actor_type)
        || !is_exactly(args[1], state->what_is_there_type)
        || !is_exactly(args[3], state->lane_type)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *actor = args[0], *pid = args[2], *lane = args[3], *handle = args[4];
    /* A receive replaces an earlier one of the same process without an abort; so there is one
       decision, to watch.  */
    PyObject *select = new_select(state, handle);
    PyObject *user = select == NULL ? NULL : new_reader(state, pid, handle);
    if (user == NULL) {
        Py_XDECREF(select);
        return NULL;
    }
    slot_set(lane, state->lane_selected, Py_NewRef(Py_False));
    slot_set(lane, state->lane_ever_waited, Py_NewRef(Py_True));
    slot_set(lane, state->lane_current, user);
    if (SLOT(actor, state->actor_read_would_block) != Py_True
        && done_with(PyObject_CallMethodOneArg(actor, state->str_carry_out, state->watch_read))
               < 0) {
        Py_DECREF(select);
        return NULL;
    }
    PyObject *monitors = SLOT(actor, state->actor__monitors);
    int monitored = monitors != NULL && PyDict_CheckExact(monitors)
                        ? PyDict_Contains(monitors, pid)
                        : 0;
    if (monitored < 0
        || (monitored == 0
            && done_with(PyObject_CallMethodOneArg(actor, state->str_monitor_user, pid)) < 0)) {
        Py_DECREF(select);
        return NULL;
    }
    return select;
}

/* --- sending ----------------------------------------------------------------------------------- */

/* Send(data, 0), or Send(data, 0, sent=sent) */
static PyObject *
new_send(State *state, PyObject *data, Py_ssize_t sent)
{
    PyObject *zero = PyLong_FromLong(0);
    PyObject *part = PyLong_FromSsize_t(sent);
    PyObject *made = NULL;
    if (zero != NULL && part != NULL) {
        PyObject *args[3] = {data, zero, part};
        made = PyObject_Vectorcall(state->send_type, args, 2, sent ? state->names_sent : NULL);
    }
    Py_XDECREF(zero);
    Py_XDECREF(part);
    return made;
}

/* send_plainly(actor, data) */
static PyObject *
send_plainly(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    Stream stream;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL || !PyBytes_CheckExact(args[1])
        || PyBytes_GET_SIZE(args[1]) > LARGEST_TRANSFER
        || !is_plain_stream(state, args[0], &stream)) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *data = args[1];
    ssize_t sent;
    do {
        sent = send(stream.fd, PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data), SEND_FLAGS);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        int error = errno;
        if (would_block(error)) {
            return new_send(state, data, 0); /* which tries once more, and counts */
        }
        count(stream.counters, state->counters_write_tries, 1);
        count(stream.counters, state->counters_write_fails, 1);
        PyObject *exc = os_error(error);
        PyObject *result = exc == NULL ? NULL : PyObject_CallOneArg(state->error_of, exc);
        Py_XDECREF(exc);
        return result;
    }
    count(stream.counters, state->counters_write_tries, 1);
    count(stream.counters, state->counters_write_byte, sent);
    if (sent != PyBytes_GET_SIZE(data)) {
        return new_send(state, data, sent);
    }
    count(stream.counters, state->counters_write_pkg, 1);
    count_largest(stream.counters, state->counters_write_pkg_max, sent);
    return Py_NewRef(state->sent);
}

const TwinEntry SOCKET_TWINS[] = {
    {"RecvWhatIsThere.attempt", attempt},
    {"Readiness.nothing_to_read", nothing_to_read},
    {"SocketActor.select_for", select_for},
    {"send_plainly", send_plainly},
    {NULL, NULL},
};
