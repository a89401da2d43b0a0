/* Cutting packets off the bytes of a stream: the twin of `ReceiveBuffer.next`, for the packet types
   raw, 1, 2, 4 and line.  */

#include "../core.h"

#include <string.h>

/* What a packet type says of the bytes that are there.  */
typedef struct {
    Py_ssize_t length; /* of the packet with its header; 0 if it is incomplete */
    Py_ssize_t header; /* how much of that is not given to the program */
    Py_ssize_t needed; /* the length of an incomplete packet, where it is known, or 0 */
    Py_ssize_t search; /* where to search on */
} Measured;

typedef struct {
    const char *bytes;
    Py_ssize_t size, start, search;
} Unread;

#define LARGEST_CONTENT 0x7fffffffL

/* The types 1, 2 and 4: 1, or 0 if the length is refused.  */
static int
measure_prefixed(const Unread *unread, int prefix, long packet_size, Measured *measured)
{
    Py_ssize_t there = unread->size - unread->start;
    measured->search = unread->search;
    if (there < prefix) {
        return 1;
    }
    long content = 0;
    for (int i = 0; i < prefix; i++) {
        content = content << 8 | (unsigned char)unread->bytes[unread->start + i];
    }
    if (content > (packet_size != 0 ? packet_size : LARGEST_CONTENT - prefix)) {
        return 0;
    }
    if (prefix + content > there) {
        measured->needed = prefix + content;
        return 1;
    }
    measured->length = prefix + content;
    measured->header = prefix;
    return 1;
}

/* The type line: 1, or 0 if the line is refused.  */
static int
measure_line(const Unread *unread, long packet_size, long line_length, char delimiter,
             int cuts_early, Measured *measured)
{
    Py_ssize_t there = unread->size - unread->start, stop = unread->size;
    long bound = Py_MAX(packet_size, line_length);
    if (bound != 0 && bound < there) {
        stop = unread->start + bound;
    }
    const char *found = unread->search < stop
                            ? memchr(unread->bytes + unread->search, delimiter,
                                     (size_t)(stop - unread->search))
                            : NULL;
    Py_ssize_t end = found == NULL ? -1 : found - unread->bytes;
    Py_ssize_t length = found == NULL ? there : end + 1 - unread->start;
    if (packet_size != 0 && length > packet_size) {
        return 0;
    }
    if (found == NULL) {
        measured->search = Py_MAX(unread->search, stop);
        if (cuts_early && line_length != 0 && there >= line_length) {
            measured->length = line_length;
        }
    }
    else if (line_length != 0 && length > line_length) {
        measured->length = line_length;
        measured->search = end;
    }
    else {
        measured->length = length;
        measured->search = end + 1;
    }
    return 1;
}

/* The bounds of a packet: 1, or 0 if they are not plain.  */
static int
read_limits(State *state, PyObject *limits, long *packet_size, long *line_length)
{
    return is_exactly(limits, state->limits_type)
           && slot_long(limits, state->limits_packet_size, packet_size) && *packet_size >= 0
           && slot_long(limits, state->limits_line_length, line_length) && *line_length >= 0;
}

/* How many bytes of length the type of `rule` puts in front; 0 for another type.  */
static int
prefix_of(State *state, PyObject *rule)
{
    return rule == state->rule_4 ? 4 : rule == state->rule_2 ? 2 : rule == state->rule_1;
}

/* Measure the next packet: 1, or 0 if the case is not plain.  */
static int
measure(State *state, PyObject *buffer, const Unread *unread, Measured *measured)
{
    long packet_size, line_length;
    PyObject *rule = SLOT(buffer, state->buffer__rule);
    PyObject *limits = SLOT(buffer, state->buffer__limits);
    if (!read_limits(state, limits, &packet_size, &line_length)) {
        return 0;
    }
    memset(measured, 0, sizeof *measured);
    if (rule == state->rule_raw) {
        measured->length = Py_MIN(unread->size - unread->start, line_length);
        measured->search = unread->search;
        return measured->length > 0;
    }
    if (rule == state->rule_line) {
        PyObject *delimiter = SLOT(limits, state->limits_delimiter);
        PyObject *cuts_early = SLOT(limits, state->limits_cuts_early);
        return delimiter != NULL && PyBytes_CheckExact(delimiter)
               && PyBytes_GET_SIZE(delimiter) == 1
               && measure_line(unread, packet_size, line_length, PyBytes_AS_STRING(delimiter)[0],
                               cuts_early == Py_True, measured);
    }
    int prefix = prefix_of(state, rule);
    return prefix != 0 && measure_prefixed(unread, prefix, packet_size, measured);
}

/* Set a slot to a number: 0, or -1 and the slot is as it was.  */
static int
set_number(PyObject *object, Py_ssize_t offset, Py_ssize_t number)
{
    PyObject *made = PyLong_FromSsize_t(number);
    if (made == NULL) {
        return -1;
    }
    slot_set(object, offset, made);
    return 0;
}

/* Take a whole packet; NULL and the buffer is as it was.  */
static PyObject *
take(State *state, PyObject *buffer, PyObject *data, const Unread *unread, const Measured *measured)
{
    Py_ssize_t end = unread->start + measured->length, first = unread->start + measured->header;
    int is_last = end == unread->size;
    PyObject *packet = is_last && first == 0 && PyBytes_CheckExact(data)
                           ? Py_NewRef(data)
                           : PyBytes_FromStringAndSize(unread->bytes + first, end - first);
    PyObject *taken = PyLong_FromSsize_t(measured->length), *zero = PyLong_FromLong(0);
    PyObject *start = PyLong_FromSsize_t(is_last ? 0 : end);
    PyObject *search = PyLong_FromSsize_t(is_last ? 0 : Py_MAX(end, measured->search));
    PyObject *rest = is_last ? PyBytes_FromStringAndSize(NULL, 0) : Py_NewRef(data);
    if (packet == NULL || taken == NULL || zero == NULL || start == NULL || search == NULL
        || rest == NULL) {
        Py_XDECREF(packet);
        Py_XDECREF(taken);
        Py_XDECREF(zero);
        Py_XDECREF(start);
        Py_XDECREF(search);
        Py_XDECREF(rest);
        return NULL;
    }
    slot_set(buffer, state->buffer_taken, taken);
    slot_set(buffer, state->buffer__start, start);
    slot_set(buffer, state->buffer__search, search);
    slot_set(buffer, state->buffer_needed, zero);
    slot_set(buffer, state->buffer__data, rest);
    return packet;
}

int
next_packet(State *state, PyObject *buffer, PyObject **packet)
{
    Unread unread;
    Measured measured;
    long start, search, needed;
    *packet = NULL;
    if (!is_exactly(buffer, state->buffer_type)) {
        return 0;
    }
    PyObject *data = SLOT(buffer, state->buffer__data);
    if (data != NULL && PyBytes_CheckExact(data) && PyBytes_GET_SIZE(data) == 0) {
        return 1;
    }
    if (SLOT(buffer, state->buffer__always_headers) != Py_False
        || !slot_long(buffer, state->buffer__start, &start)
        || !slot_long(buffer, state->buffer__search, &search)
        || !slot_long(buffer, state->buffer_needed, &needed)) {
        return 0;
    }
    if (data != NULL && PyBytes_CheckExact(data)) {
        unread.bytes = PyBytes_AS_STRING(data);
    }
    else if (data != NULL && PyByteArray_CheckExact(data)) {
        unread.bytes = PyByteArray_AS_STRING(data);
    }
    else {
        return 0;
    }
    unread.size = Py_SIZE(data);
    unread.start = start;
    unread.search = search;
    if (unread.size - start < needed) {
        return 1;
    }
    if (start < 0 || start >= unread.size || search < start
        || !measure(state, buffer, &unread, &measured)) {
        return 0;
    }
    if (measured.length != 0) {
        *packet = take(state, buffer, data, &unread, &measured);
        return *packet == NULL ? -1 : 1;
    }
    if ((measured.search != search
         && set_number(buffer, state->buffer__search, measured.search) < 0)
        || (measured.needed != 0
            && set_number(buffer, state->buffer_needed, measured.needed) < 0)) {
        return -1;
    }
    return 1;
}

/* An empty buffer is at its start and waits for nothing, so only `taken` changes.  */
int
whole_packet(State *state, PyObject *buffer, PyObject *piece, PyObject **packet)
{
    Unread unread = {PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece), 0, 0};
    Measured measured;
    if (!measure(state, buffer, &unread, &measured) || measured.length != unread.size) {
        return 0;
    }
    PyObject *taken = PyLong_FromSsize_t(unread.size);
    if (taken == NULL) {
        return -1;
    }
    *packet = measured.header == 0 ? Py_NewRef(piece)
                                   : PyBytes_FromStringAndSize(unread.bytes + measured.header,
                                                               unread.size - measured.header);
    if (*packet == NULL) {
        Py_DECREF(taken);
        return -1;
    }
    slot_set(buffer, state->buffer_taken, taken);
    return 1;
}

/* ReceiveBuffer.next(self) */
static PyObject *
next(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    PyObject *packet;
    if (inet_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 1 && kwnames == NULL) {
        int done = next_packet(self->state, args[0], &packet);
        if (done != 0) {
            return done < 0 ? NULL : packet == NULL ? Py_NewRef(Py_None) : packet;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry PACKET_TWINS[] = {
    {"ReceiveBuffer.next", next},
    {NULL, NULL},
};
