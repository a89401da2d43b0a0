/* Results: the twin of `ok`, and the class of the class `Ok`, which stands for `type`.

   Nearly every call returns an `Ok`, and `match` takes it apart. For each `case Ok(value)` CPython 3.11 makes
   a new str `__match_args__`, and looks for it in the bases of the class and of its class; here it is found
   at once. And an `Ok` is made and freed without the steps that only other forms of classes need.  */

#include "core.h"

/* An instance of such a class: `value` is its only slot.  */
typedef struct {
    PyObject_HEAD
    PyObject *value; /* NULL if it is unset; in a spare one the next of these */
} Result;

/* As many as one batch of events makes.  */
#define MOST_SPARE 64

/* --- instances --------------------------------------------------------------------------------- */

/* The state of the module of `metaclass`; NULL, without the exception of `PyType_GetModuleState`, if the
   collector has cleared that class.  */
static State *
state_of(PyTypeObject *metaclass)
{
    PyObject *module = ((PyHeapTypeObject *)metaclass)->ht_module;
    return module == NULL ? NULL : PyModule_GetState(module);
}

/* Keep the memory for the next one, or free it. Only that of an `Ok`: to free it takes the class, which a
   spare one does not keep alive.  */
static void
let_go_of(PyTypeObject *type, Result *self)
{
    State *state = state_of(Py_TYPE(type));
    if (state != NULL && (PyObject *)type == state->ok_type
        && state->number_of_spare_results < MOST_SPARE) {
        self->value = state->spare_result;
        state->spare_result = (PyObject *)self;
        state->number_of_spare_results++;
    }
    else {
        type->tp_free(self);
    }
    Py_DECREF(type);
}

void
result_dealloc(PyObject *op)
{
    Result *self = (Result *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject *value = self->value;
    PyObject_GC_UnTrack(op);
    if (value == NULL || !PyObject_IS_GC(value)) {
        let_go_of(type, self);
        Py_XDECREF(value);
        return;
    }
    Py_TRASHCAN_BEGIN(op, result_dealloc) /* there may be results in results in results */
    Py_DECREF(value);
    let_go_of(type, self);
    Py_TRASHCAN_END
}

PyObject *
new_ok(State *state, PyObject *value)
{
    Result *made = (Result *)state->spare_result;
    if (made == NULL) {
        made = (Result *)new_instance(state->ok_type);
        if (made == NULL) {
            return NULL;
        }
    }
    else {
        state->spare_result = made->value;
        state->number_of_spare_results--;
        (void)PyObject_Init((PyObject *)made, (PyTypeObject *)state->ok_type);
        made->value = value;
        if (PyObject_IS_GC(value)) { /* else there is nothing that the collector could find */
            PyObject_GC_Track(made);
        }
    }
    made->value = value;
    return (PyObject *)made;
}

void
free_spare_results(State *state)
{
    while (state->spare_result != NULL) {
        Result *kept = (Result *)state->spare_result;
        state->spare_result = kept->value;
        PyObject_GC_Del(kept);
    }
    state->number_of_spare_results = 0;
}

/* --- their class ------------------------------------------------------------------------------- */

/* type.__init__(cls, ...): the class that is made frees its instances as above, if it has one slot and
   nothing else. (attrs makes a class without slots first.)  */
static int
class_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    PyTypeObject *type = (PyTypeObject *)op;
    if (PyType_Type.tp_init(op, args, kwargs) < 0) {
        return -1;
    }
    if (type->tp_basicsize == sizeof(Result) && type->tp_base->tp_basicsize == sizeof(PyObject)
        && type->tp_itemsize == 0 && type->tp_dictoffset == 0 && type->tp_weaklistoffset == 0
        && type->tp_free == PyObject_GC_Del && type->tp_finalize == NULL && type->tp_del == NULL) {
        type->tp_dealloc = result_dealloc;
    }
    return 0;
}

/* getattr(cls, name), as `PyObject_GetAttrString` asks for it.  */
static PyObject *
class_getattr(PyObject *op, char *name)
{
    State *state = state_of(Py_TYPE(op));
    if (state != NULL && strcmp(name, "__match_args__") == 0) {
        PyObject *found = _PyType_Lookup((PyTypeObject *)op, state->match_args);
        if (found != NULL && PyTuple_CheckExact(found)) {
            return Py_NewRef(found);
        }
    }
    PyObject *text = PyUnicode_FromString(name);
    PyObject *found = text == NULL ? NULL : PyType_Type.tp_getattro(op, text);
    Py_XDECREF(text);
    return found;
}

/* The same, as everything else asks for it.  */
static PyObject *
class_getattro(PyObject *op, PyObject *name)
{
    return PyType_Type.tp_getattro(op, name);
}

/* A class made by `type` does not show its reference to `type`, which is never freed. This one is.  */
static int
class_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    return PyType_Type.tp_traverse(op, visit, arg);
}

static int
class_clear(PyObject *op)
{
    return PyType_Type.tp_clear(op);
}

static PyType_Slot class_slots[] = {
    {Py_tp_clear, class_clear},
    {Py_tp_getattr, class_getattr},
    {Py_tp_getattro, class_getattro},
    {Py_tp_init, class_init},
    {Py_tp_traverse, class_traverse},
    {0, NULL},
};

PyType_Spec class_of_results_spec = {
    .name = "actorsock._native._core.type",
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = class_slots,
};

/* --- the twin ---------------------------------------------------------------------------------- */

/* ok(result) */
static PyObject *
ok_(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    State *state = ((Twin *)op)->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 1 && kwnames == NULL && is_exactly(args[0], state->ok_type)) {
        PyObject *value = ((Result *)args[0])->value;
        if (value != NULL) {
            return Py_NewRef(value);
        }
    }
    return twin_fall_back((Twin *)op, args, nargsf, kwnames);
}

const TwinEntry RESULT_TWINS[] = {
    {"ok", ok_},
    {NULL, NULL},
};
