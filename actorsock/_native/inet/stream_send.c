/* Sending on a stream that queues nothing: the twin of `gen_tcp.send`.  */

#include "../sockets/transfers.h"
#include "sending.h"
#include "statistics.h"

/* A header and data up to this size are joined for the system call.  */
#define JOINED 4096

typedef struct {
    PyObject *statistics; /* borrowed */
    int fd;
    int head_size;
    char head[4];
} Output;

/* Look at `actor`: 1 if it is open and would hand `size` bytes to the kernel at once.  */
static int
is_plain_output(State *state, PyObject *actor, Py_ssize_t size, Output *output)
{
    long fd, head_size, queued;
    if (!is_exactly(actor, state->stream_type)) {
        return 0;
    }
    PyObject *rules = SLOT(actor, state->stream_rules);
    PyObject *queue = SLOT(actor, state->stream_queue);
    PyObject *stage = is_exactly(rules, state->rules_type) ? SLOT(rules, state->rules_stage) : NULL;
    output->statistics = SLOT(actor, state->receiver_statistics);
    if ((stage != state->str_open && stage != state->str_ended)
        || SLOT(actor, state->stream_ends_after_queue) != Py_False
        || SLOT(actor, state->stream_delays) != Py_False
        || !is_exactly(queue, state->queue_type) || !slot_long(queue, state->queue_size, &queued)
        || queued != 0 || SLOT(queue, state->queue_busy) != Py_False
        || !is_exactly(output->statistics, state->statistics_type)
        || !is_exactly(SLOT(actor, state->actor_sock), state->std_socket_type)
        || !slot_long(actor, state->actor_fd, &fd) || fd < 0 || fd > INT_MAX
        || !slot_long(actor, state->stream_head_size, &head_size) || head_size < 0 || head_size > 4
        || size + head_size == 0 || size > LARGEST_TRANSFER) {
        return 0;
    }
    output->fd = (int)fd;
    output->head_size = (int)head_size;
    for (int i = 0; i < head_size; i++) { /* of a length that does not fit, the low bytes */
        output->head[i] = (char)(size >> 8 * (head_size - 1 - i));
    }
    return 1;
}

/* Hand the header and the data to the kernel.  */
static ssize_t
transmit(const Output *output, const char *data, Py_ssize_t size)
{
    char joined[JOINED];
    struct iovec pieces[2] = {
        {.iov_base = (void *)output->head, .iov_len = (size_t)output->head_size},
        {.iov_base = (void *)data, .iov_len = (size_t)size},
    };
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    const char *first = data;
    size_t total = (size_t)(output->head_size + size);
    if (output->head_size != 0 && total <= JOINED) {
        memcpy(joined, output->head, (size_t)output->head_size);
        memcpy(joined + output->head_size, data, (size_t)size);
        first = joined;
    }
    ssize_t sent;
    do {
        sent = output->head_size != 0 && total > JOINED
                   ? sendmsg(output->fd, &message, SEND_FLAGS)
                   : send(output->fd, first, total, SEND_FLAGS);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

/* The kernel has not taken all: the result, by the Python.  */
static PyObject *
after_part(State *state, PyObject *actor, PyObject *data, const Output *output, ssize_t sent,
           int error)
{
    if (sent < 0 && !would_block(error)) {
        PyObject *exc = os_error(error);
        PyObject *result = exc == NULL ? NULL
                                       : PyObject_CallMethodOneArg(
                                             actor, state->str_output_failed, exc);
        Py_XDECREF(exc);
        return result;
    }
    PyObject *head = PyBytes_FromStringAndSize(output->head, output->head_size);
    PyObject *number = PyLong_FromSsize_t(Py_MAX(sent, 0));
    int done = head == NULL || number == NULL
                   ? -1
                   : done_with(PyObject_CallMethodObjArgs(actor, state->str_queue_rest, head, data,
                                                          number, NULL));
    Py_XDECREF(number);
    Py_XDECREF(head);
    return done < 0 ? NULL : Py_NewRef(state->inet_ok);
}

static int
is_stream(State *state, PyObject *actor)
{
    return is_exactly(actor, state->stream_type);
}

/* StreamOutput.send_at_once(data), of an actor that the caller holds: 1, 0 or -1.  */
static int
send_at_once(State *state, PyObject *actor, PyObject *data, PyObject **result)
{
    Output output;
    Py_ssize_t size = PyBytes_GET_SIZE(data);
    if (!is_plain_output(state, actor, size, &output)) {
        return 0;
    }
    ssize_t sent = transmit(&output, PyBytes_AS_STRING(data), size);
    int error = errno;
    Py_ssize_t total = size + output.head_size;
    count_sent(output.statistics, total);
    *result = sent == total ? Py_NewRef(state->inet_ok)
                            : after_part(state, actor, data, &output, sent, error);
    return *result == NULL ? -1 : 1;
}

static PyObject *
try_in_python(State *state, PyObject *actor, PyObject *data)
{
    return PyObject_CallMethodOneArg(actor, state->str_send_at_once, data);
}

static PyObject *
wait_in_python(State *state, PyObject *process, PyObject *actor, PyObject *data)
{
    return PyObject_CallMethodObjArgs(actor, state->str_send_later, process, data, NULL);
}

static const Transport STREAM = {SENDING_STEPS, is_stream, send_at_once, try_in_python,
                                 wait_in_python};

/* send(sock, data) */
static PyObject *
send_(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (inet_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL
        && is_exactly(args[0], self->state->tcp_socket_type) && PyBytes_CheckExact(args[1])) {
        return new_sending(self, &STREAM, args[0], args[1]);
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry STREAM_SEND_TWINS[] = {
    {"actorsock.inet.calls.streams.send", send_},
    {NULL, NULL},
};
