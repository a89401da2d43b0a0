/* What a receive wants: the twin of `test_of`.

   The Python returns a closure, which is called with each message. For a class, several classes or a
   ref the twin returns a `Matcher`. Other twins look into it and compare in C, unless the message has
   computed attributes: to find out about these is left to the closure, of which a `Matcher` makes one
   when it is needed.  */

#include "../core.h"

#include <stddef.h>

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    State *state;
    PyObject *module;  /* which has the state */
    PyObject *wanted;  /* a Ref, a class, or a tuple of classes */
    PyObject *closure; /* the Python form, or NULL */
} Matcher;

static int
matcher_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Matcher *)op)->module);
    Py_VISIT(((Matcher *)op)->wanted);
    Py_VISIT(((Matcher *)op)->closure);
    return 0;
}

static int
matcher_clear(PyObject *op)
{
    Py_CLEAR(((Matcher *)op)->module);
    Py_CLEAR(((Matcher *)op)->wanted);
    Py_CLEAR(((Matcher *)op)->closure);
    return 0;
}

static void
matcher_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)matcher_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

/* --- the test ---------------------------------------------------------------------------------- */

/* Whether no attribute of instances of `type` is computed by `__getattribute__` or `__getattr__`.  */
static int
has_plain_attributes(PyTypeObject *type)
{
    return type->tp_getattro == PyObject_GenericGetAttr;
}

int
is_instance(State *state, PyObject *message, PyObject *classes)
{
    PyTypeObject *type = Py_TYPE(message);
    PyObject **first = &classes;
    Py_ssize_t number = 1;
    if (PyTuple_CheckExact(classes)) {
        first = PySequence_Fast_ITEMS(classes);
        number = PyTuple_GET_SIZE(classes);
    }
    for (Py_ssize_t i = 0; i < number; i++) {
        if (PyType_IsSubtype(type, (PyTypeObject *)first[i])) {
            return 1;
        }
    }
    return has_plain_attributes(type)
                   && _PyType_Lookup(type, state->str___class__) == state->class_of_object
               ? 0
               : -1;
}

/* ref_of(message) is ref: 1, 0, or -1 without an exception if that attribute is computed.  */
static int
carries(State *state, PyObject *message, PyObject *ref)
{
    PyTypeObject *type = Py_TYPE(message);
    if (PyTuple_CheckExact(message)) {
        for (Py_ssize_t i = 0; i < 2 && i < PyTuple_GET_SIZE(message); i++) {
            PyObject *item = PyTuple_GET_ITEM(message, i);
            if (PyType_IsSubtype(Py_TYPE(item), (PyTypeObject *)state->ref_type)) {
                return item == ref;
            }
        }
        return 0;
    }
    if (!has_plain_attributes(type)) {
        return -1;
    }
    PyObject *found = _PyType_Lookup(type, state->str_ref);
    if (found != NULL && Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        return member->type == T_OBJECT_EX ? SLOT(message, member->offset) == ref : -1;
    }
    /* Without a dict, such as an int, a class with slots.  */
    return found == NULL && type->tp_dictoffset == 0 ? 0 : -1;
}

int
matches_plainly(State *state, PyObject *op, PyObject *message)
{
    PyObject *wanted = ((Matcher *)op)->wanted;
    return is_exactly(wanted, state->ref_type) ? carries(state, message, wanted)
                                               : is_instance(state, message, wanted);
}

/* Called by the Python.  */
static PyObject *
matcher_call(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Matcher *self = (Matcher *)op;
    if (PyVectorcall_NARGS(nargsf) == 1 && kwnames == NULL) {
        int found = matches_plainly(self->state, op, args[0]);
        if (found >= 0) {
            return PyBool_FromLong(found);
        }
    }
    if (self->closure == NULL) {
        PyObject *closure = PyObject_CallOneArg(self->state->test_of, self->wanted);
        if (closure == NULL) {
            return NULL;
        }
        Py_XSETREF(self->closure, closure);
    }
    PyObject *closure = Py_NewRef(self->closure);
    PyObject *result = PyObject_Vectorcall(closure, args, nargsf, kwnames);
    Py_DECREF(closure);
    return result;
}

static PyMemberDef matcher_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Matcher, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot matcher_slots[] = {
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_clear, matcher_clear},
    {Py_tp_dealloc, matcher_dealloc},
    {Py_tp_members, matcher_members},
    {Py_tp_traverse, matcher_traverse},
    {0, NULL},
};

PyType_Spec matcher_spec = {
    .name = "actorsock._native._core.Matcher",
    .basicsize = sizeof(Matcher),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
             | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = matcher_slots,
};

/* --- making one -------------------------------------------------------------------------------- */

/* Whether `pattern` is a class without a metaclass that could say what its instances are.  */
static int
is_plain_class(State *state, PyObject *pattern)
{
    return Py_IS_TYPE(pattern, &PyType_Type) || is_exactly(pattern, state->class_of_values);
}

static int
are_plain_classes(State *state, PyObject *classes)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(classes); i++) {
        if (!is_plain_class(state, PyTuple_GET_ITEM(classes, i))) {
            return 0;
        }
    }
    return 1;
}

/* What `pattern` wants; a new reference, NULL with or without an exception if it is not plain.  */
static PyObject *
wanted_of(State *state, PyObject *pattern)
{
    if (is_plain_class(state, pattern) || is_exactly(pattern, state->ref_type)) {
        return Py_NewRef(pattern);
    }
    if (PyTuple_CheckExact(pattern)) {
        return are_plain_classes(state, pattern) ? Py_NewRef(pattern) : NULL;
    }
    if (!is_exactly(pattern, state->union_type)) {
        return NULL;
    }
    PyObject *classes = PyObject_GetAttr(pattern, state->str___args__);
    if (classes != NULL && !(PyTuple_CheckExact(classes) && are_plain_classes(state, classes))) {
        Py_CLEAR(classes);
    }
    return classes;
}

PyObject *
new_matcher(State *state, PyObject *pattern)
{
    PyObject *wanted = wanted_of(state, pattern);
    if (wanted == NULL) {
        return NULL;
    }
    Matcher *self = (Matcher *)new_instance(state->matcher_type);
    if (self == NULL) {
        Py_DECREF(wanted);
        return NULL;
    }
    self->vectorcall = matcher_call;
    self->state = state;
    self->module = Py_NewRef(PyType_GetModule((PyTypeObject *)state->matcher_type));
    self->wanted = wanted;
    return (PyObject *)self;
}

/* test_of(pattern) */
static PyObject *
test_of(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (state_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 1 && kwnames == NULL) {
        PyObject *matcher = new_matcher(self->state, args[0]);
        if (matcher != NULL || PyErr_Occurred()) {
            return matcher;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry MATCHING_TWINS[] = {
    {"test_of", test_of},
    {NULL, NULL},
};
