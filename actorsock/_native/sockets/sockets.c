/* Receiving and sending: the twins of `RecvWhatIsThere.attempt`, `_SendData.attempt`, `_send`,
   `Readiness.nothing_to_read` and `SocketActor.select_for`.  */

#include "transfers.h"

#ifndef MS_WINDOWS
#include <poll.h>
#endif

/* --- the socket -------------------------------------------------------------------------------- */

int
is_plain_socket(State *state, PyObject *actor, Plain *plain)
{
    long fd;
    if (!is_exactly(actor, state->actor_type)) {
        return 0;
    }
    PyObject *turns = SLOT(actor, state->actor_turns);
    plain->kind = SLOT(actor, state->actor_kind);
    plain->counters = SLOT(actor, state->actor_counters);
    if (!is_exactly(turns, state->turns_type) || SLOT(turns, state->turns_closed) != Py_False
        || !is_exactly(plain->kind, state->kind_type)
        || !is_exactly(SLOT(actor, state->actor_sock), state->std_socket_type)
        || !is_exactly(plain->counters, state->counters_type)
        || !slot_long(actor, state->actor_fd, &fd) || fd < 0 || fd > INT_MAX) {
        return 0;
    }
    plain->fd = (int)fd;
    return 1;
}

static int
is_stream(State *state, const Plain *plain)
{
    return SLOT(plain->kind, state->kind_is_stream) == Py_True;
}

/* The errors of which Python makes a `BlockingIOError`.  */
int
would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EALREADY || error == EINPROGRESS;
}

/* An `OSError`, or the subclass for that number, that is not raised.  */
PyObject *
os_error(int number)
{
    return PyObject_CallFunction(PyExc_OSError, "is", number, strerror(number));
}

/* --- receiving --------------------------------------------------------------------------------- */

/* Receive up to `size` bytes. A new bytes object, or NULL with `*error`: an errno, 0 at the end of
   the stream, -1 if an exception is set.

   Most reads bring little, so the buffer is kept for the next one, and its content is copied; a
   buffer that was filled by more than a quarter is cut and given away. `source` is NULL, or takes the
   address that a message came from; a message may be empty.  */
PyObject *
receive_bytes(State *state, int fd, Py_ssize_t size, int *error, void *source,
              unsigned int *length)
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
        socklen_t room = length == NULL ? 0 : *length;
        got = recvfrom(fd, PyBytes_AS_STRING(buffer), (size_t)size, MSG_DONTWAIT, source,
                       length == NULL ? NULL : &room);
        if (got >= 0 && length != NULL) {
            *length = room;
        }
    } while (got < 0 && errno == EINTR);
    if (got < 0 || (got == 0 && length == NULL)) {
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
    Plain plain;
    long size, reads;
    int error;
    if (!is_plain_socket(state, actor, &plain) || !is_stream(state, &plain)) {
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
    count(plain.counters, counted_read_tries, 1);
    PyObject *data = receive_bytes(state, plain.fd, size, &error, NULL, NULL);
    if (data == NULL) {
        if (error == 0) {
            if (SLOT(plain.kind, state->kind_is_tcp) == Py_True
                && SLOT(actor, state->actor_saw_end) == Py_False) {
                slot_set(actor, state->actor_read_would_block, Py_NewRef(Py_False));
            }
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
    if (got < size && SLOT(plain.kind, state->kind_is_tcp) == Py_True
        && SLOT(actor, state->actor_saw_end) == Py_False) {
        slot_set(actor, state->actor_read_would_block, Py_NewRef(watched));
    }
    count(plain.counters, counted_read_byte, got);
    count(plain.counters, counted_read_pkg, 1);
    count_largest(plain.counters, counted_read_pkg_max, got);
    *result = new_ok(state, data);
    if (*result == NULL) {
        slot_set(actor, state->actor_unread, data); /* for the next receive */
        return -1;
    }
    return 1;
}

int
may_be_readable(int fd)
{
    struct pollfd asked = {.fd = fd, .events = POLLIN};
    return poll(&asked, 1, 0) != 0; /* also after an error, which an attempt will get */
}

/* 1 if a receive would surely find nothing, 0 if it may, -1 if the case is not plain.  */
int
finds_nothing(State *state, PyObject *actor)
{
    Plain plain;
    if (!is_plain_socket(state, actor, &plain)) {
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
    if (may_be_readable(plain.fd)) {
        return 0;
    }
    count(plain.counters, counted_read_tries, 1);
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

/* Select(SelectInfo(tag, handle)) */
static PyObject *
new_select(State *state, PyObject *tag, PyObject *handle)
{
    PyObject *info = new_kept(state->select_info_type, &state->kept_select_info);
    if (info == NULL) {
        return NULL;
    }
    SLOT(info, state->select_info_tag) = Py_NewRef(tag);
    SLOT(info, state->select_info_ref) = Py_NewRef(handle);
    SLOT(info, state->select_info_continuation) = Py_NewRef(Py_None);
    PyObject *select = new_kept(state->select_type, &state->kept_select);
    if (select == NULL) {
        Py_DECREF(info);
        return NULL;
    }
    SLOT(select, state->select_info) = info;
    SLOT(select, state->select_data) = Py_NewRef(Py_None);
    if (PyObject_GC_IsTracked(info)) { /* else neither of them refers to what could lead back to it */
        show_to_collector(select);
    }
    return select;
}

PyObject *
select_in_lane(State *state, PyObject *pid, PyObject *lane, PyObject *handle, PyObject *tag)
{
    /* A receive replaces an earlier one of the same process without an abort; so there is one
       decision, to watch.  */
    const Kind reads = {1, 0, state->str_recv, tag};
    PyObject *select = new_select(state, tag, handle);
    PyObject *user = select == NULL ? NULL : new_user(state, pid, &reads, handle, Py_None, Py_None);
    if (user == NULL) {
        Py_XDECREF(select);
        return NULL;
    }
    slot_set(lane, state->lane_selected, Py_NewRef(Py_False));
    slot_set(lane, state->lane_ever_waited, Py_NewRef(Py_True));
    slot_set(lane, state->lane_current, user);
    return select;
}

PyObject *
select_plainly(State *state, PyObject *actor, PyObject *pid, PyObject *lane, PyObject *handle,
               PyObject *tag)
{
    PyObject *select = select_in_lane(state, pid, lane, handle, tag);
    if (select == NULL) {
        return NULL;
    }
    if (SLOT(actor, state->actor_read_would_block) != Py_True
        && done_with(PyObject_CallMethodOneArg(actor, state->str_carry_out, state->watch_read))
               < 0) {
        Py_DECREF(select);
        return NULL;
    }
    PyObject *monitors = SLOT(actor, state->actor__monitors);
    int monitored = is_exactly(monitors, state->table_type) && table_find(monitors, pid) != NULL;
    if (!monitored
        && (PyErr_Occurred()
            || done_with(PyObject_CallMethodOneArg(actor, state->str_monitor_user, pid)) < 0)) {
        Py_DECREF(select);
        return NULL;
    }
    return select;
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
    if (PyVectorcall_NARGS(nargsf) == 5 && kwnames == NULL
        && is_exactly(args[0], state->actor_type) && is_exactly(args[3], state->lane_type)) {
        if (is_exactly(args[1], state->what_is_there_type)) {
            return select_plainly(state, args[0], args[2], args[3], args[4], state->str_recv);
        }
        if (is_exactly(args[1], state->recvfrom_type)) {
            return select_plainly(state, args[0], args[2], args[3], args[4], state->str_recvfrom);
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* --- sending ----------------------------------------------------------------------------------- */

/* Whether `op` is a send of some bytes, without flags; `*sent` of them are sent already.  */
static int
is_plain_send(State *state, PyObject *op, long *sent)
{
    long flags;
    PyObject *data = SLOT(op, state->send_data);
    return data != NULL && PyBytes_CheckExact(data) && PyBytes_GET_SIZE(data) <= LARGEST_TRANSFER
           && slot_long(op, state->send_flags, &flags) && flags == 0
           && slot_long(op, state->send__sent, sent) && *sent >= 0
           && (*sent == 0 || *sent < PyBytes_GET_SIZE(data));
}

/* Make one system call for the bytes behind the first `from`.  */
static ssize_t
hand_over(int fd, PyObject *data, Py_ssize_t from, const struct sockaddr_in *dest)
{
    ssize_t sent;
    do {
        sent = sendto(fd, PyBytes_AS_STRING(data) + from,
                      (size_t)(PyBytes_GET_SIZE(data) - from), SEND_FLAGS,
                      (const struct sockaddr *)dest, dest == NULL ? 0 : sizeof *dest);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

/* The system call for `op` has failed: 1 with the result, or -1.  */
static int
not_sent(State *state, PyObject *op, PyObject *actor, PyObject *counters, int error,
         PyObject **result)
{
    if (would_block(error)) {
        PyObject *watched = SLOT(actor, state->actor_watched);
        count(counters, counted_write_waits, 1);
        slot_set(actor, state->actor_write_would_block,
                 Py_NewRef(watched == NULL ? Py_False : watched));
        *result = Py_NewRef(Py_None);
        return 1;
    }
    count(counters, counted_write_fails, 1);
    PyObject *exc = os_error(error);
    PyObject *rest = exc == NULL ? NULL : PyObject_CallMethodNoArgs(op, state->str_progress);
    *result = rest == NULL
                  ? NULL
                  : PyObject_CallFunctionObjArgs(state->error_of, exc, rest, NULL);
    Py_XDECREF(rest);
    Py_XDECREF(exc);
    return *result == NULL ? -1 : 1;
}

/* All of `size` bytes are sent.  */
static void
count_sent(State *state, PyObject *counters, Py_ssize_t size)
{
    count(counters, counted_write_tries, 1);
    count(counters, counted_write_byte, size);
    count(counters, counted_write_pkg, 1);
    count_largest(counters, counted_write_pkg_max, size);
}

/* The system call has taken nothing of some bytes, which no kernel should do: 1 with the result, or
   -1.  */
static int
taken_nothing(State *state, PyObject *actor, PyObject *counters, PyObject **result)
{
    count(counters, counted_write_waits, 1);
    if (done_with(PyObject_CallMethod(actor, "rearm", "O", state->str_write)) < 0) {
        return -1;
    }
    *result = Py_NewRef(Py_None);
    return 1;
}

/* Hand over the bytes of `op`, a send on a stream, behind the first `sent`, as long as there is room: 1
   with the result, or -1.  */
static int
send_rest(State *state, PyObject *op, PyObject *actor, const Plain *plain, Py_ssize_t sent,
          PyObject **result)
{
    PyObject *data = SLOT(op, state->send_data);
    Py_ssize_t size = PyBytes_GET_SIZE(data);
    while (sent < size) {
        ssize_t part = hand_over(plain->fd, data, sent, NULL);
        int error = errno;
        count(plain->counters, counted_write_tries, 1);
        if (part < 0) {
            return not_sent(state, op, actor, plain->counters, error, result);
        }
        if (part == 0) {
            return taken_nothing(state, actor, plain->counters, result);
        }
        count(plain->counters, counted_write_byte, part);
        sent += part;
        PyObject *number = PyLong_FromSsize_t(sent);
        if (number == NULL) {
            return -1;
        }
        slot_set(op, state->send__sent, number);
    }
    count(plain->counters, counted_write_pkg, 1);
    count_largest(plain->counters, counted_write_pkg_max, size);
    *result = Py_NewRef(state->sent);
    return 1;
}

/* A part of the data of `op` is sent, or none of it by `error`: 1 with the result, or -1.  */
static int
sent_in_part(State *state, PyObject *op, PyObject *actor, const Plain *plain, ssize_t sent,
             int error, PyObject **result)
{
    count(plain->counters, counted_write_tries, 1);
    if (sent < 0) {
        return not_sent(state, op, actor, plain->counters, error, result);
    }
    count(plain->counters, counted_write_byte, sent);
    PyObject *part = PyLong_FromSsize_t(sent);
    if (part == NULL) {
        return -1;
    }
    slot_set(op, state->send__sent, part);
    if (is_stream(state, plain)) {
        return sent == 0 ? taken_nothing(state, actor, plain->counters, result)
                         : send_rest(state, op, actor, plain, sent, result);
    }
    PyObject *rest = PyObject_CallMethodNoArgs(op, state->str_progress);
    *result = rest == NULL ? NULL : PyObject_CallOneArg(state->ok_type, rest);
    Py_XDECREF(rest);
    return *result == NULL ? -1 : 1;
}

int
send_plainly(State *state, PyObject *op, PyObject *actor, PyObject **result)
{
    Plain plain;
    struct sockaddr_in address;
    long family, already;
    if (!is_plain_send(state, op, &already) || !is_plain_socket(state, actor, &plain)) {
        return 0;
    }
    PyObject *dest = SLOT(op, state->send_dest), *data = SLOT(op, state->send_data);
    if (dest != Py_None
        && (is_stream(state, &plain) || !is_exactly(dest, state->address_type)
            || !slot_long(plain.kind, state->kind_family, &family) || family != AF_INET
            || !read_address(SLOT(dest, state->address_addr), SLOT(dest, state->address_port),
                             &address))) {
        return 0;
    }
    if (already > 0) {
        return is_stream(state, &plain) ? send_rest(state, op, actor, &plain, already, result) : 0;
    }
    PyObject *total = PyLong_FromSsize_t(PyBytes_GET_SIZE(data));
    if (total == NULL) {
        return -1;
    }
    ssize_t sent = hand_over(plain.fd, data, 0, dest == Py_None ? NULL : &address);
    if (sent != PyBytes_GET_SIZE(data)) {
        int error = errno;
        Py_DECREF(total);
        return sent_in_part(state, op, actor, &plain, sent, error, result);
    }
    slot_set(op, state->send__sent, total);
    count_sent(state, plain.counters, sent);
    *result = Py_NewRef(state->sent);
    return 1;
}

/* Send(data, 0) */
PyObject *
new_send(State *state, PyObject *data)
{
    PyObject *zero = PyLong_FromLong(0);
    PyObject *made = zero == NULL ? NULL : new_instance(state->send_type);
    if (made != NULL) {
        SLOT(made, state->send_data) = Py_NewRef(data);
        SLOT(made, state->send_flags) = Py_NewRef(zero);
        SLOT(made, state->send__sent) = Py_NewRef(zero);
        SLOT(made, state->send_dest) = Py_NewRef(Py_None);
        SLOT(made, state->send_tag) = Py_NewRef(state->str_send);
    }
    Py_XDECREF(zero);
    return made;
}

int
send_first(State *state, PyObject *actor, PyObject *data, PyObject **op, PyObject **result)
{
    Plain plain;
    *op = NULL;
    if (PyBytes_GET_SIZE(data) > LARGEST_TRANSFER || !is_plain_socket(state, actor, &plain)) {
        return 0;
    }
    ssize_t sent = hand_over(plain.fd, data, 0, NULL);
    if (sent == PyBytes_GET_SIZE(data)) {
        count_sent(state, plain.counters, sent);
        *result = Py_NewRef(state->sent);
        return 1;
    }
    int error = errno;
    PyObject *counters = Py_NewRef(plain.counters), *kind = Py_NewRef(plain.kind);
    *op = new_send(state, data);
    int done = *op == NULL ? -1
                           : sent_in_part(state, *op, actor, &plain, sent, error, result);
    if (done < 0) {
        Py_CLEAR(*op);
    }
    Py_DECREF(kind);
    Py_DECREF(counters);
    return done;
}

/* _send(data, flags) */
static PyObject *
make_send(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (sockets_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL || !PyBytes_CheckExact(args[0])
        || !PyTuple_CheckExact(args[1]) || PyTuple_GET_SIZE(args[1]) != 0) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    return new_send(self->state, args[0]);
}

/* The method `attempt` of every operation that `attempt_of` knows: attempt(self, actor, pid, patient) */
static PyObject *
attempt(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    PyObject *result;
    if (sockets_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 4 && kwnames == NULL) {
        int done = attempt_of(self->state, args[0], args[1], &result);
        if (done != 0) {
            return done < 0 ? NULL : result;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry SOCKET_TWINS[] = {
    {"RecvWhatIsThere.attempt", attempt},
    {"Readiness.nothing_to_read", nothing_to_read},
    {"SocketActor.select_for", select_for},
    {"RecvFrom.attempt", attempt},
    {"_SendData.attempt", attempt},
    {"_send", make_send},
    {NULL, NULL},
};
