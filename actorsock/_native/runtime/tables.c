/* The twin of the class `Table`: a mapping that keeps one entry in itself, and more in a dict.

   The keys are pids and refs, which are equal only to themselves, so the one entry is found by identity.
   An allocation may run the garbage collector and with it Python code, which may use the table.  */

#include "../core.h"

typedef struct {
    PyObject_HEAD
    PyObject *key, *value; /* the only entry; or NULL and a dict with all entries, or NULL */
} Table;

/* The dict; NULL as long as there is at most one entry.  */
static inline PyObject *
more_of(PyObject *table)
{
    return ((Table *)table)->key == NULL ? ((Table *)table)->value : NULL;
}

/* --- for the other files ----------------------------------------------------------------------- */

Py_ssize_t
table_size(PyObject *table)
{
    PyObject *more = more_of(table);
    return more != NULL ? PyDict_GET_SIZE(more) : ((Table *)table)->key != NULL;
}

PyObject *
table_find(PyObject *table, PyObject *key)
{
    Table *self = (Table *)table;
    if (self->key == key) {
        return self->value;
    }
    PyObject *more = more_of(table);
    return more == NULL ? NULL : PyDict_GetItemWithError(more, key);
}

/* Move the only entry, if it is still there, into a dict: 0 or -1.  */
static int
make_more(Table *self)
{
    PyObject *more = PyDict_New();
    PyObject *key = Py_XNewRef(self->key), *value = Py_XNewRef(self->value);
    int done = more == NULL ? -1 : key == NULL ? 0 : PyDict_SetItem(more, key, value);
    Py_XDECREF(value);
    Py_XDECREF(key);
    if (done < 0 || more_of((PyObject *)self) != NULL) {
        Py_XDECREF(more);
        return done;
    }
    key = self->key;
    value = self->value;
    self->key = NULL;
    self->value = more;
    Py_XDECREF(value);
    Py_XDECREF(key);
    return 0;
}

int
table_set(PyObject *table, PyObject *key, PyObject *value)
{
    Table *self = (Table *)table;
    if (self->key == key) {
        Py_SETREF(self->value, Py_NewRef(value));
        return 0;
    }
    if (self->key == NULL && self->value == NULL) {
        self->key = Py_NewRef(key);
        self->value = Py_NewRef(value);
        return 0;
    }
    if (self->key != NULL && make_more(self) < 0) {
        return -1;
    }
    return PyDict_SetItem(self->value, key, value);
}

PyObject *
table_take(PyObject *table, PyObject *key)
{
    Table *self = (Table *)table;
    PyObject *more = more_of(table);
    if (more != NULL) {
        PyObject *value = Py_XNewRef(PyDict_GetItemWithError(more, key));
        if (value != NULL && PyDict_DelItem(more, key) < 0) {
            Py_CLEAR(value);
        }
        return value;
    }
    if (self->key != key) {
        return NULL;
    }
    PyObject *value = self->value, *own = self->key;
    self->key = self->value = NULL;
    Py_DECREF(own);
    return value;
}

PyObject *
new_table(State *state)
{
    return new_instance(state->table_type);
}

/* --- the type ---------------------------------------------------------------------------------- */

static int
table_traverse(PyObject *op, visitproc visit, void *arg)
{
    Table *self = (Table *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->key);
    Py_VISIT(self->value);
    return 0;
}

static int
table_clear(PyObject *op)
{
    Table *self = (Table *)op;
    PyObject *key = self->key, *value = self->value;
    self->key = self->value = NULL; /* both at once: a value without a key would be the dict */
    Py_XDECREF(value);
    Py_XDECREF(key);
    return 0;
}

static void
table_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)table_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static int
table_contains(PyObject *op, PyObject *key)
{
    PyObject *more = more_of(op);
    return more != NULL ? PyDict_Contains(more, key) : ((Table *)op)->key == key;
}

static PyObject *
table_subscript(PyObject *op, PyObject *key)
{
    PyObject *value = Py_XNewRef(table_find(op, key));
    if (value == NULL && !PyErr_Occurred()) {
        PyErr_SetObject(PyExc_KeyError, key);
    }
    return value;
}

static int
table_assign(PyObject *op, PyObject *key, PyObject *value)
{
    if (value != NULL) {
        return table_set(op, key, value);
    }
    PyObject *former = table_take(op, key);
    if (former == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetObject(PyExc_KeyError, key);
        }
        return -1;
    }
    Py_DECREF(former);
    return 0;
}

/* The arguments of `get` and `pop`: 1 or 2.  */
static int
has_arguments(const char *name, Py_ssize_t number)
{
    if (number < 1 || number > 2) {
        PyErr_Format(PyExc_TypeError, "%s: expected 1 or 2 arguments, got %zd", name, number);
        return 0;
    }
    return 1;
}

static PyObject *
table_get(PyObject *op, PyObject *const *args, Py_ssize_t number)
{
    if (!has_arguments("get", number)) {
        return NULL;
    }
    PyObject *value = Py_XNewRef(table_find(op, args[0]));
    if (value != NULL || PyErr_Occurred()) {
        return value;
    }
    return Py_NewRef(number == 2 ? args[1] : Py_None);
}

static PyObject *
table_pop(PyObject *op, PyObject *const *args, Py_ssize_t number)
{
    if (!has_arguments("pop", number)) {
        return NULL;
    }
    PyObject *value = table_take(op, args[0]);
    if (value != NULL || PyErr_Occurred()) {
        return value;
    }
    if (number == 2) {
        return Py_NewRef(args[1]);
    }
    PyErr_SetObject(PyExc_KeyError, args[0]);
    return NULL;
}

/* A list of `entry`, a new reference that is taken over; without one if it is NULL without an exception.  */
static PyObject *
list_of(PyObject *entry)
{
    if (entry == NULL) {
        return PyErr_Occurred() ? NULL : PyList_New(0);
    }
    PyObject *list = PyList_New(1);
    if (list == NULL) {
        Py_DECREF(entry);
        return NULL;
    }
    PyList_SET_ITEM(list, 0, entry);
    return list;
}

static PyObject *
table_keys(PyObject *op, PyObject *unused)
{
    PyObject *more = more_of(op);
    return more != NULL ? PyDict_Keys(more) : list_of(Py_XNewRef(((Table *)op)->key));
}

static PyObject *
table_values(PyObject *op, PyObject *unused)
{
    PyObject *more = more_of(op);
    return more != NULL ? PyDict_Values(more) : list_of(Py_XNewRef(((Table *)op)->value));
}

static PyObject *
table_items(PyObject *op, PyObject *unused)
{
    Table *self = (Table *)op;
    PyObject *more = more_of(op);
    if (more != NULL) {
        return PyDict_Items(more);
    }
    PyObject *key = Py_XNewRef(self->key), *value = Py_XNewRef(self->value);
    PyObject *entry = key == NULL ? NULL : PyTuple_Pack(2, key, value);
    Py_XDECREF(value);
    Py_XDECREF(key);
    return list_of(entry);
}

static PyObject *
table_iter(PyObject *op)
{
    PyObject *keys = table_keys(op, NULL);
    PyObject *iterator = keys == NULL ? NULL : PyObject_GetIter(keys);
    Py_XDECREF(keys);
    return iterator;
}

static PyObject *
table_repr(PyObject *op)
{
    Table *self = (Table *)op;
    PyObject *more = more_of(op);
    if (more != NULL) {
        return PyObject_Repr(more);
    }
    if (self->key == NULL) {
        return PyUnicode_FromString("{}");
    }
    PyObject *key = Py_NewRef(self->key), *value = Py_NewRef(self->value);
    PyObject *text = PyUnicode_FromFormat("{%R: %R}", key, value);
    Py_DECREF(value);
    Py_DECREF(key);
    return text;
}

static PyObject *
table_sizeof(PyObject *op, PyObject *unused)
{
    PyObject *own = PyLong_FromSsize_t(Py_TYPE(op)->tp_basicsize);
    PyObject *more = more_of(op);
    if (own == NULL || more == NULL) {
        return own;
    }
    PyObject *size = PyObject_CallMethod(more, "__sizeof__", NULL);
    PyObject *sum = size == NULL ? NULL : PyNumber_Add(own, size);
    Py_XDECREF(size);
    Py_DECREF(own);
    return sum;
}

static PyMethodDef table_methods[] = {
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {"__sizeof__", table_sizeof, METH_NOARGS, NULL},
    {"get", (PyCFunction)(void (*)(void))table_get, METH_FASTCALL, NULL},
    {"items", table_items, METH_NOARGS, NULL},
    {"keys", table_keys, METH_NOARGS, NULL},
    {"pop", (PyCFunction)(void (*)(void))table_pop, METH_FASTCALL, NULL},
    {"values", table_values, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot table_slots[] = {
    {Py_mp_ass_subscript, table_assign},
    {Py_mp_length, table_size},
    {Py_mp_subscript, table_subscript},
    {Py_sq_contains, table_contains},
    {Py_tp_clear, table_clear},
    {Py_tp_dealloc, table_dealloc},
    {Py_tp_iter, table_iter},
    {Py_tp_methods, table_methods},
    {Py_tp_repr, table_repr},
    {Py_tp_traverse, table_traverse},
    {0, NULL},
};

PyType_Spec table_spec = {
    .name = "actorsock._native._core.Table",
    .basicsize = sizeof(Table),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = table_slots,
};
