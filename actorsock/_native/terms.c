/* Erlang's terms as bytes, and back: the twins of `write_term` and `read_term`.

   The commonest types are written and read here; for every other one, the function of the Python
   table is called, in the middle of a term too. What is wrong raises what the Python raises: a
   length that the bytes do not bear out goes to the Python function, which finds words for it.  */

#include "core.h"

#include <math.h>

/* The first bytes of terms.  */
enum {
    NEW_FLOAT = 70,
    CACHED_ATOM = 82,
    PID = 88,
    SMALL_INTEGER = 97,
    INTEGER = 98,
    SMALL_TUPLE = 104,
    LARGE_TUPLE = 105,
    NIL = 106,
    STRING = 107,
    LIST = 108,
    BINARY = 109,
    SMALL_BIG = 110,
    MAP = 116,
    SMALL_ATOM = 119
};

static const char *const WHERE = " in a term";

/* --- writing ----------------------------------------------------------------------------------- */

typedef struct {
    State *state;
    PyObject *writer, *out, *table; /* held by the caller */
} Writing;

static int write_value(Writing *w, PyObject *value);

/* Room for `size` more bytes at the end, or NULL.  */
static unsigned char *
extend(Writing *w, Py_ssize_t size)
{
    Py_ssize_t before = PyByteArray_GET_SIZE(w->out);
    if (size > PY_SSIZE_T_MAX - before) {
        PyErr_NoMemory();
        return NULL;
    }
    if (PyByteArray_Resize(w->out, before + size) < 0) {
        return NULL;
    }
    return (unsigned char *)PyByteArray_AS_STRING(w->out) + before;
}

static void
put_number(unsigned char *at, uint32_t number, int bytes)
{
    for (int place = bytes - 1; place >= 0; place--) {
        at[place] = (unsigned char)number;
        number >>= 8;
    }
}

/* A first byte, and a number of so many bytes.  */
static int
write_head(Writing *w, int tag, uint32_t number, int bytes)
{
    unsigned char *at = extend(w, 1 + bytes);
    if (at == NULL) {
        return -1;
    }
    at[0] = (unsigned char)tag;
    put_number(at + 1, number, bytes);
    return 0;
}

static int
write_bytes(Writing *w, int tag, const char *data, Py_ssize_t size, int bytes)
{
    unsigned char *at = extend(w, 1 + bytes + size);
    if (at == NULL) {
        return -1;
    }
    at[0] = (unsigned char)tag;
    put_number(at + 1, (uint32_t)size, bytes);
    memcpy(at + 1 + bytes, data, (size_t)size);
    return 0;
}

/* By the function of the table.  */
static int
write_by_table(Writing *w, PyObject *value)
{
    PyObject *write = Py_XNewRef(PyDict_GetItemWithError(w->table, (PyObject *)Py_TYPE(value)));
    if (write == NULL) {
        if (PyErr_Occurred()) {
            return -1;
        }
        write = PyObject_CallMethodOneArg(w->writer, w->state->str_derived, value);
        if (write == NULL) {
            return -1;
        }
    }
    PyObject *args[3] = {w->writer, w->out, value};
    int done = done_with(PyObject_Vectorcall(write, args, 3, NULL));
    Py_DECREF(write);
    return done;
}

static int
write_int(Writing *w, PyObject *value)
{
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow) {
        return write_by_table(w, value);
    }
    if (number >= 0 && number < 256) {
        return write_head(w, SMALL_INTEGER, (uint32_t)number, 1);
    }
    if (number >= INT32_MIN && number <= INT32_MAX) {
        return write_head(w, INTEGER, (uint32_t)number, 4);
    }
    unsigned long long magnitude = (unsigned long long)number;
    if (number < 0) {
        magnitude = 0 - magnitude;
    }
    unsigned char bytes[8];
    int size = 0;
    for (; magnitude != 0; magnitude >>= 8) {
        bytes[size++] = (unsigned char)magnitude;
    }
    unsigned char *at = extend(w, 3 + size);
    if (at == NULL) {
        return -1;
    }
    at[0] = SMALL_BIG;
    at[1] = (unsigned char)size;
    at[2] = number < 0;
    memcpy(at + 3, bytes, (size_t)size);
    return 0;
}

static int
write_float(Writing *w, PyObject *value)
{
    double number = PyFloat_AS_DOUBLE(value);
    if (!isfinite(number)) {
        return write_by_table(w, value);
    }
    unsigned char *at = extend(w, 9);
    if (at == NULL) {
        return -1;
    }
    at[0] = NEW_FLOAT;
    return PyFloat_Pack8(number, (char *)at + 1, 0);
}

/* The characters of a str that is written as they are, as an atom or a binary.  */
static int
write_text(Writing *w, PyObject *value, int is_atom)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (text == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            return -1;
        }
        PyErr_Clear();
        return write_by_table(w, value);
    }
    if (is_atom) {
        return size < 256 ? write_bytes(w, SMALL_ATOM, text, size, 1) : write_by_table(w, value);
    }
    return (size_t)size <= UINT32_MAX ? write_bytes(w, BINARY, text, size, 4)
                                      : write_by_table(w, value);
}

static int
write_tuple(Writing *w, PyObject *value)
{
    Py_ssize_t count = PyTuple_GET_SIZE(value);
    if ((size_t)count > UINT32_MAX) {
        return write_by_table(w, value);
    }
    if (write_head(w, count < 256 ? SMALL_TUPLE : LARGE_TUPLE, (uint32_t)count, count < 256 ? 1 : 4)
        < 0) {
        return -1;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        if (write_value(w, PyTuple_GET_ITEM(value, index)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Whether all elements are exactly ints that fit into a byte.  */
static int
is_string(PyObject *list)
{
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(list); index++) {
        PyObject *item = PyList_GET_ITEM(list, index);
        if (!PyLong_CheckExact(item)) {
            return 0;
        }
        int overflow;
        long number = PyLong_AsLongAndOverflow(item, &overflow);
        if (overflow || number < 0 || number > 255) {
            return 0;
        }
    }
    return 1;
}

static int
changed(void)
{
    PyErr_SetString(PyExc_RuntimeError, "a list or dict has changed while it was written");
    return -1;
}

static int
write_list(Writing *w, PyObject *value)
{
    Py_ssize_t count = PyList_GET_SIZE(value);
    if (count == 0) {
        unsigned char *at = extend(w, 1);
        if (at == NULL) {
            return -1;
        }
        at[0] = NIL;
        return 0;
    }
    if ((size_t)count > UINT32_MAX) {
        return write_by_table(w, value);
    }
    if (count < 65536 && is_string(value)) {
        unsigned char *at = extend(w, 3 + count);
        if (at == NULL) {
            return -1;
        }
        at[0] = STRING;
        put_number(at + 1, (uint32_t)count, 2);
        for (Py_ssize_t index = 0; index < count; index++) {
            at[3 + index] = (unsigned char)PyLong_AsLong(PyList_GET_ITEM(value, index));
        }
        return 0;
    }
    if (write_head(w, LIST, (uint32_t)count, 4) < 0) {
        return -1;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        /* Another thread may run, and change it, while the table's functions do.  */
        if (index >= PyList_GET_SIZE(value)) {
            return changed();
        }
        PyObject *item = Py_NewRef(PyList_GET_ITEM(value, index));
        int done = write_value(w, item);
        Py_DECREF(item);
        if (done < 0) {
            return -1;
        }
    }
    unsigned char *at = extend(w, 1);
    if (at == NULL) {
        return -1;
    }
    at[0] = NIL;
    return 0;
}

static int
write_dict(Writing *w, PyObject *value)
{
    Py_ssize_t count = PyDict_GET_SIZE(value), place = 0, written = 0;
    PyObject *key, *item;
    if ((size_t)count > UINT32_MAX) {
        return write_by_table(w, value);
    }
    if (write_head(w, MAP, (uint32_t)count, 4) < 0) {
        return -1;
    }
    while (PyDict_Next(value, &place, &key, &item)) {
        Py_INCREF(key);
        Py_INCREF(item);
        int done = write_value(w, key) < 0 ? -1 : write_value(w, item);
        Py_DECREF(item);
        Py_DECREF(key);
        if (done < 0) {
            return -1;
        }
        written++;
        if (PyDict_GET_SIZE(value) != count) {
            return changed();
        }
    }
    return written == count ? 0 : changed();
}

static int
write_inside(Writing *w, PyObject *value, int (*write)(Writing *, PyObject *))
{
    if (Py_EnterRecursiveCall(WHERE)) {
        return -1;
    }
    int done = write(w, value);
    Py_LeaveRecursiveCall();
    return done;
}

static int
write_value(Writing *w, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (type == (PyTypeObject *)w->state->atom_type) {
        return write_text(w, value, 1);
    }
    if (type == &PyBytes_Type && (size_t)PyBytes_GET_SIZE(value) <= UINT32_MAX) {
        return write_bytes(w, BINARY, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), 4);
    }
    if (type == &PyLong_Type) {
        return write_int(w, value);
    }
    if (type == &PyTuple_Type) {
        return write_inside(w, value, write_tuple);
    }
    if (type == &PyList_Type) {
        return write_inside(w, value, write_list);
    }
    if (type == &PyDict_Type) {
        return write_inside(w, value, write_dict);
    }
    if (type == &PyFloat_Type) {
        return write_float(w, value);
    }
    if (type == &PyBool_Type) {
        return value == Py_True ? write_bytes(w, SMALL_ATOM, "true", 4, 1)
                                : write_bytes(w, SMALL_ATOM, "false", 5, 1);
    }
    if (type == &PyUnicode_Type) {
        /* What a str becomes is the choice of the writer.  */
        PyObject *write = PyDict_GetItemWithError(w->table, (PyObject *)type);
        if (write == w->state->write_str) {
            return write_text(w, value, 0);
        }
        if (write == NULL && PyErr_Occurred()) {
            return -1;
        }
    }
    return write_inside(w, value, write_by_table);
}

/* write_term(writer, out, value) */
static PyObject *
write_term(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (terms_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 3 || kwnames != NULL || !PyByteArray_CheckExact(args[1])) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    PyObject *table = PyObject_GetAttr(args[0], state->str_by_type);
    if (table == NULL) {
        return NULL;
    }
    if (!PyDict_CheckExact(table)) {
        Py_DECREF(table);
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    Writing writing = {state, args[0], args[1], table};
    int done = write_value(&writing, args[2]);
    Py_DECREF(table);
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* --- reading ----------------------------------------------------------------------------------- */

typedef struct {
    State *state;
    PyObject *reader, *data; /* held by the caller */
    const unsigned char *bytes;
    Py_ssize_t size;
    Py_ssize_t owed; /* elements that are still to come, of all lists and tuples that have begun */
} Reading;

static PyObject *read_value(Reading *r, Py_ssize_t *at);

static uint32_t
number_at(const unsigned char *at, int bytes)
{
    uint32_t number = 0;
    for (int place = 0; place < bytes; place++) {
        number = number << 8 | at[place];
    }
    return number;
}

/* By the function of the table; `at` is behind the first byte, and moves to the end of the term.  */
static PyObject *
read_by_table(Reading *r, int tag, Py_ssize_t *at)
{
    PyObject *table = r->state->read_table;
    if (!PyList_CheckExact(table) || PyList_GET_SIZE(table) != 256) {
        PyErr_SetString(PyExc_TypeError, "the table of the terms is of another size");
        return NULL;
    }
    PyObject *start = PyLong_FromSsize_t(*at);
    if (start == NULL) {
        return NULL;
    }
    PyObject *read = Py_NewRef(PyList_GET_ITEM(table, tag));
    PyObject *args[3] = {r->reader, r->data, start};
    PyObject *found = PyObject_Vectorcall(read, args, 3, NULL);
    Py_DECREF(read);
    Py_DECREF(start);
    if (found == NULL) {
        return NULL;
    }
    PyObject *value = NULL;
    if (!PyTuple_CheckExact(found) || PyTuple_GET_SIZE(found) != 2) {
        PyErr_SetString(PyExc_TypeError, "a function of the table has returned no pair");
    }
    else {
        Py_ssize_t end = PyLong_AsSsize_t(PyTuple_GET_ITEM(found, 1));
        if (end >= 0 || !PyErr_Occurred()) {
            *at = end;
            value = Py_NewRef(PyTuple_GET_ITEM(found, 0));
        }
    }
    Py_DECREF(found);
    return value;
}

static PyObject *
read_atom(Reading *r, Py_ssize_t *at, Py_ssize_t size)
{
    PyObject *text = PyBytes_FromStringAndSize((const char *)r->bytes + *at, size);
    if (text == NULL) {
        return NULL;
    }
    PyObject *atoms = PyObject_GetAttr(r->reader, r->state->str__atoms);
    PyObject *atom = NULL;
    if (atoms != NULL && PyDict_CheckExact(atoms)) {
        atom = Py_XNewRef(PyDict_GetItemWithError(atoms, text));
    }
    if (atom == NULL && !PyErr_Occurred()) {
        atom = PyObject_CallMethodOneArg(r->reader, r->state->str_atom, text);
    }
    Py_XDECREF(atoms);
    Py_DECREF(text);
    *at += size;
    return atom;
}

static PyObject *
read_cached_atom(Reading *r, Py_ssize_t *at)
{
    PyObject *cached = PyObject_GetAttr(r->reader, r->state->str_cached);
    if (cached == NULL) {
        return NULL;
    }
    PyObject *atom = PySequence_GetItem(cached, r->bytes[*at]);
    Py_DECREF(cached);
    *at += 1;
    return atom;
}

static PyObject *
read_small_big(Reading *r, Py_ssize_t *at)
{
    int size = r->bytes[*at];
    const unsigned char *bytes = r->bytes + *at + 1;
    unsigned long long magnitude = 0;
    for (int place = size; place >= 1; place--) {
        magnitude = magnitude << 8 | bytes[place];
    }
    *at += 2 + size;
    if (!bytes[0]) {
        return PyLong_FromUnsignedLongLong(magnitude);
    }
    if (magnitude <= (unsigned long long)LLONG_MAX) {
        return PyLong_FromLongLong(-(long long)magnitude);
    }
    PyObject *number = PyLong_FromUnsignedLongLong(magnitude);
    if (number == NULL) {
        return NULL;
    }
    PyObject *negative = PyNumber_Negative(number);
    Py_DECREF(number);
    return negative;
}

/* Read `count` values into `items`, the places of the new `sequence`, of which the reference is taken over:
   `sequence`, or NULL.  */
static PyObject *
fill(Reading *r, Py_ssize_t *at, PyObject *sequence, PyObject **items, Py_ssize_t count)
{
    PyObject_GC_UnTrack(sequence); /* nobody may find it before it is whole */
    r->owed += count;
    for (Py_ssize_t index = 0; index < count; index++) {
        r->owed--;
        items[index] = read_value(r, at);
        if (items[index] == NULL) {
            Py_DECREF(sequence);
            return NULL;
        }
    }
    PyObject_GC_Track(sequence);
    return sequence;
}

static PyObject *
read_tuple(Reading *r, Py_ssize_t *at, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);
    return tuple == NULL || count == 0
               ? tuple
               : fill(r, at, tuple, PySequence_Fast_ITEMS(tuple), count);
}

static PyObject *
read_items(Reading *r, Py_ssize_t *at, Py_ssize_t count)
{
    PyObject *list = PyList_New(count);
    return list == NULL || count == 0 ? list
                                      : fill(r, at, list, PySequence_Fast_ITEMS(list), count);
}

static PyObject *
read_list(Reading *r, Py_ssize_t *at, Py_ssize_t count)
{
    PyObject *items = read_items(r, at, count);
    if (items == NULL) {
        return NULL;
    }
    if (*at < r->size && r->bytes[*at] == NIL) {
        *at += 1;
        return items;
    }
    PyObject *list = NULL, *tail = read_value(r, at);
    if (tail != NULL) {
        PyObject *args[2] = {items, tail};
        list = PyObject_Vectorcall(r->state->with_tail, args, 2, NULL);
        Py_DECREF(tail);
    }
    Py_DECREF(items);
    return list;
}

static PyObject *
read_string(Reading *r, Py_ssize_t *at, Py_ssize_t count)
{
    PyObject *list = PyList_New(count);
    for (Py_ssize_t index = 0; list != NULL && index < count; index++) {
        PyObject *item = PyLong_FromLong(r->bytes[*at + index]);
        if (item == NULL) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, index, item);
    }
    *at += count;
    return list;
}

/* A key and its value: 0, or -1.  */
static int
read_pair(Reading *r, Py_ssize_t *at, PyObject **key, PyObject **value)
{
    *key = read_value(r, at);
    if (*key != NULL && PyList_CheckExact(*key)) {
        Py_SETREF(*key, PyObject_CallOneArg(r->state->list_key_type, *key));
    }
    *value = *key == NULL ? NULL : read_value(r, at);
    if (*value == NULL) {
        Py_CLEAR(*key);
        return -1;
    }
    return 0;
}

/* The rest of a map that no dict can hold: the pairs in `found`, this one, and those that come.  */
static PyObject *
read_odd_map(Reading *r, Py_ssize_t *at, PyObject *found, PyObject *key, PyObject *value,
             Py_ssize_t left)
{
    PyObject *pairs = PyDict_Items(found);
    while (pairs != NULL) {
        PyObject *pair = PyTuple_Pack(2, key, value);
        if (pair == NULL || PyList_Append(pairs, pair) < 0) {
            Py_CLEAR(pairs);
        }
        Py_XDECREF(pair);
        Py_CLEAR(key);
        Py_CLEAR(value);
        if (pairs == NULL || left-- == 0) {
            break;
        }
        if (read_pair(r, at, &key, &value) < 0) {
            Py_CLEAR(pairs);
        }
    }
    Py_XDECREF(key);
    Py_XDECREF(value);
    if (pairs == NULL) {
        return NULL;
    }
    PyObject *map = PyObject_CallOneArg(r->state->pairs_map_type, pairs);
    Py_DECREF(pairs);
    return map;
}

/* What a map stands for that has the key `__struct__`, or the map itself.  */
static PyObject *
read_struct(Reading *r, PyObject *found)
{
    int has = PyDict_Contains(found, r->state->str___struct__);
    if (has == 0) {
        return found;
    }
    PyObject *make = has < 0 ? NULL : PyObject_GetAttr(r->reader, r->state->str_make_struct);
    if (make == Py_None) {
        Py_DECREF(make);
        return found;
    }
    PyObject *made = make == NULL ? NULL : PyObject_CallOneArg(make, found);
    Py_XDECREF(make);
    Py_DECREF(found);
    return made;
}

static PyObject *
read_map(Reading *r, Py_ssize_t *at, Py_ssize_t count)
{
    PyObject *found = PyDict_New();
    for (Py_ssize_t number = 1; found != NULL && number <= count; number++) {
        PyObject *key, *value;
        if (read_pair(r, at, &key, &value) < 0) {
            Py_CLEAR(found);
            break;
        }
        if (PyDict_SetDefault(found, key, value) == NULL
            && !PyErr_ExceptionMatches(PyExc_TypeError)) {
            Py_CLEAR(found);
        }
        else if (PyErr_Occurred() || PyDict_GET_SIZE(found) != number) {
            PyErr_Clear(); /* a key has no hash, or equals another one */
            PyObject *map = read_odd_map(r, at, found, key, value, count - number);
            Py_DECREF(found);
            return map;
        }
        Py_DECREF(key);
        Py_DECREF(value);
    }
    return found == NULL ? NULL : read_struct(r, found);
}

/* A pid, as the reader wants it; `at` is behind the first byte.  */
static PyObject *
read_pid(Reading *r, Py_ssize_t *at)
{
    Py_ssize_t start = *at;
    PyObject *node = read_value(r, at);
    if (node == NULL) {
        return NULL;
    }
    if (!is_exactly(node, r->state->atom_type) || r->size - *at < 12) {
        Py_DECREF(node);
        *at = start;
        return read_by_table(r, PID, at);
    }
    PyObject *args[4] = {node, NULL, NULL, NULL};
    PyObject *pid = NULL, *make = PyObject_GetAttr(r->reader, r->state->str_make_pid);
    int made = make != NULL;
    for (int place = 1; made && place < 4; place++) {
        args[place] = PyLong_FromUnsignedLong(number_at(r->bytes + *at + 4 * (place - 1), 4));
        made = args[place] != NULL;
    }
    if (made) {
        *at += 12;
        pid = PyObject_Vectorcall(make, args, 4, NULL);
    }
    for (int place = 0; place < 4; place++) {
        Py_XDECREF(args[place]);
    }
    Py_XDECREF(make);
    return pid;
}

/* The value of the term at `at`, where its first byte is; `at` moves to its end.  */
static PyObject *
read_plain(Reading *r, Py_ssize_t *at)
{
    if (*at < 0 || *at >= r->size) {
        PyErr_SetString(PyExc_IndexError, "index out of range");
        return NULL;
    }
    const unsigned char *bytes = r->bytes + *at + 1;
    int tag = bytes[-1];
    Py_ssize_t left = r->size - *at - 1;
    uint32_t number;
    *at += 1;
    switch (tag) {
    case SMALL_INTEGER:
        if (left < 1) {
            break;
        }
        *at += 1;
        return PyLong_FromLong(bytes[0]);
    case INTEGER:
        if (left < 4) {
            break;
        }
        *at += 4;
        return PyLong_FromLong((int32_t)number_at(bytes, 4));
    case NEW_FLOAT: {
        double value = left < 8 ? NAN : PyFloat_Unpack8((const char *)bytes, 0);
        if (!isfinite(value)) {
            break;
        }
        *at += 8;
        return PyFloat_FromDouble(value);
    }
    case SMALL_BIG:
        if (left < 1 || bytes[0] > 8 || left < 2 + bytes[0] || bytes[1] > 1) {
            break;
        }
        return read_small_big(r, at);
    case SMALL_ATOM:
        if (left < 1 || left - 1 < bytes[0]) {
            break;
        }
        *at += 1;
        return read_atom(r, at, bytes[0]);
    case CACHED_ATOM:
        if (left < 1) {
            break;
        }
        return read_cached_atom(r, at);
    case PID:
        return read_pid(r, at);
    case BINARY:
        if (left < 4 || (number = number_at(bytes, 4)) > (size_t)(left - 4)) {
            break;
        }
        *at += 4 + (Py_ssize_t)number;
        return PyBytes_FromStringAndSize((const char *)bytes + 4, (Py_ssize_t)number);
    case NIL:
        return PyList_New(0);
    case STRING:
        if (left < 2 || (number = number_at(bytes, 2)) > (size_t)(left - 2)) {
            break;
        }
        *at += 2;
        return read_string(r, at, (Py_ssize_t)number);
    /* An element has a byte at least, those of the sequences around this one too: so no length makes
       more than the bytes are worth, however deep it is.  */
    case SMALL_TUPLE:
        if (left < 1 || bytes[0] > left - 1 - r->owed) {
            break;
        }
        *at += 1;
        return read_tuple(r, at, bytes[0]);
    case LARGE_TUPLE:
    case LIST:
        if (left < 4 || (Py_ssize_t)(number = number_at(bytes, 4)) > left - 4 - r->owed) {
            break;
        }
        *at += 4;
        return tag == LIST ? read_list(r, at, (Py_ssize_t)number)
                           : read_tuple(r, at, (Py_ssize_t)number);
    case MAP:
        if (left < 4 || (number = number_at(bytes, 4)) > (size_t)(left - 4) / 2) {
            break;
        }
        *at += 4;
        return read_map(r, at, (Py_ssize_t)number);
    default:
        break;
    }
    return read_by_table(r, tag, at);
}

static PyObject *
read_value(Reading *r, Py_ssize_t *at)
{
    if (Py_EnterRecursiveCall(WHERE)) {
        return NULL;
    }
    PyObject *value = read_plain(r, at);
    Py_LeaveRecursiveCall();
    return value;
}

/* read_term(reader, data, at) */
static PyObject *
read_term(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (terms_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) != 3 || kwnames != NULL || !PyBytes_CheckExact(args[1])
        || !PyLong_CheckExact(args[2])) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    Py_ssize_t at = PyLong_AsSsize_t(args[2]);
    if (at < 0) {
        PyErr_Clear();
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    Reading reading = {state, args[0], args[1], (const unsigned char *)PyBytes_AS_STRING(args[1]),
                       PyBytes_GET_SIZE(args[1]), 0};
    PyObject *value = read_value(&reading, &at);
    if (value == NULL) {
        return NULL;
    }
    PyObject *end = PyLong_FromSsize_t(at);
    PyObject *pair = end == NULL ? NULL : PyTuple_Pack(2, value, end);
    Py_XDECREF(end);
    Py_DECREF(value);
    return pair;
}

const TwinEntry TERM_TWINS[] = {
    {"read_term", read_term},
    {"write_term", write_term},
    {NULL, NULL},
};
