/* The numbers of the counters of one socket: the twin of `CountedNumbers`.

   Those that every connection uses are integers of C: 63 bits for bytes, and 32 for the others, which
   count calls. The rest, and a number that has become too large, are objects in a table that few
   sockets ever have.  */

#include "../core.h"

#define NAME(name) #name,
static const char *const NAMES[] = {BYTE_COUNTERS(NAME) COMMON_COUNTERS(NAME) RARE_COUNTERS(NAME)};
#undef NAME

/* The number, unless it is in the table: then -1.  */
static long long
number_outside(const CountedNumbers *self, Counter which)
{
    if (which < FIRST_COMMON_COUNTER) {
        return self->bytes[which];
    }
    if (which >= FIRST_RARE_COUNTER) {
        return -1;
    }
    unsigned int number = self->common[which - FIRST_COMMON_COUNTER];
    return number == UINT_MAX ? -1 : (long long)number;
}

/* Put a number in its place outside of the table, if there is room: whether that is so.  */
static int
put_outside(CountedNumbers *self, Counter which, long long number)
{
    if (number < 0 || which >= FIRST_RARE_COUNTER) {
        return 0;
    }
    if (which < FIRST_COMMON_COUNTER) {
        self->bytes[which] = number;
        return 1;
    }
    if (number >= UINT_MAX) {
        return 0;
    }
    self->common[which - FIRST_COMMON_COUNTER] = (unsigned int)number;
    return 1;
}

/* The number; a new reference.  */
static PyObject *
number_of(CountedNumbers *self, Counter which)
{
    long long outside = number_outside(self, which);
    if (outside >= 0) {
        return PyLong_FromLongLong(outside);
    }
    PyObject *name = self->table == NULL ? NULL : PyUnicode_InternFromString(NAMES[which]);
    PyObject *number = name == NULL ? NULL : PyDict_GetItemWithError(self->table, name);
    Py_XDECREF(name);
    return number != NULL ? Py_NewRef(number) : PyErr_Occurred() ? NULL : PyLong_FromLong(0);
}

/* Put a number into the table: 0 or -1.  */
static int
put_into_table(CountedNumbers *self, Counter which, PyObject *number)
{
    if (self->table == NULL) {
        self->table = PyDict_New();
    }
    PyObject *name = self->table == NULL ? NULL : PyUnicode_InternFromString(NAMES[which]);
    int done = name == NULL ? -1 : PyDict_SetItem(self->table, name, number);
    Py_XDECREF(name);
    if (done < 0) {
        return -1;
    }
    if (which < FIRST_COMMON_COUNTER) {
        self->bytes[which] = -1;
    }
    else if (which < FIRST_RARE_COUNTER) {
        self->common[which - FIRST_COMMON_COUNTER] = UINT_MAX;
    }
    return 0;
}

static int
set_number(CountedNumbers *self, Counter which, PyObject *number)
{
    int overflow = 0;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (value == -1 && !overflow && PyErr_Occurred()) {
        return -1;
    }
    /* What the table has is not looked at when there is a number outside.  */
    return !overflow && put_outside(self, which, value) ? 0 : put_into_table(self, which, number);
}

void
count_slowly(PyObject *counters, Counter which, Py_ssize_t amount)
{
    PyObject *former = number_of((CountedNumbers *)counters, which);
    PyObject *addend = former == NULL ? NULL : PyLong_FromSsize_t(amount);
    PyObject *sum = addend == NULL ? NULL : PyNumber_Add(former, addend);
    if (sum == NULL || set_number((CountedNumbers *)counters, which, sum) < 0) {
        PyErr_Clear();
    }
    Py_XDECREF(sum);
    Py_XDECREF(addend);
    Py_XDECREF(former);
}

void
count_largest_slowly(PyObject *counters, Counter which, Py_ssize_t amount)
{
    CountedNumbers *self = (CountedNumbers *)counters;
    long long former = number_outside(self, which);
    if (former >= amount || (former >= 0 && put_outside(self, which, amount))) {
        return;
    }
    PyObject *number = number_of(self, which), *largest = PyLong_FromSsize_t(amount);
    if (number == NULL || largest == NULL
        || (PyObject_RichCompareBool(number, largest, Py_LT) == 1
            && set_number(self, which, largest) < 0)) {
        PyErr_Clear();
    }
    Py_XDECREF(largest);
    Py_XDECREF(number);
}

/* --- the type ---------------------------------------------------------------------------------- */

static PyObject *
get_number(PyObject *op, void *which)
{
    return number_of((CountedNumbers *)op, (Counter)(intptr_t)which);
}

static int
assign_number(PyObject *op, PyObject *value, void *which)
{
    if (value == NULL || !PyLong_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s: expected an int", NAMES[(intptr_t)which]);
        return -1;
    }
    return set_number((CountedNumbers *)op, (Counter)(intptr_t)which, value);
}

static void
numbers_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    Py_CLEAR(((CountedNumbers *)op)->table);
    type->tp_free(op);
    Py_DECREF(type);
}

#define ATTRIBUTE(name) {#name, get_number, assign_number, NULL, (void *)(intptr_t)counted_##name},
static PyGetSetDef numbers_getset[] = {
    BYTE_COUNTERS(ATTRIBUTE) COMMON_COUNTERS(ATTRIBUTE) RARE_COUNTERS(ATTRIBUTE) {NULL, NULL, NULL, NULL, NULL},
};
#undef ATTRIBUTE

static PyType_Slot numbers_slots[] = {
    {Py_tp_dealloc, numbers_dealloc},
    {Py_tp_getset, numbers_getset},
    {Py_tp_methods, SUBCLASS_METHODS},
    {0, NULL},
};

/* Without the part that the garbage collector needs: the table has nothing but names and ints.  */
PyType_Spec counted_numbers_spec = {
    .name = "actorsock._native._core.CountedNumbers",
    .basicsize = sizeof(CountedNumbers),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = numbers_slots,
};
