/* Values: the twin of `ok`, and the class of classes of results and messages, which stands for `type`.

   Nearly every call returns an `Ok`, and `match` takes it apart. For each `case Ok(value)` CPython 3.11 makes
   a new str `__match_args__`, and looks for it in the bases of the class and of its class; here it is found
   at once. And a value is made and freed without the steps that only other forms of classes need: the
   memory of some instances of the classes in the table `KEPT_CLASSES` is kept for the next ones.  */

#include "core.h"

/* As many as one batch of events makes.  */
#define MOST_KEPT 64

/* --- instances --------------------------------------------------------------------------------- */

/* The state of the module of `metaclass`; NULL, without the exception of `PyType_GetModuleState`, if the
   collector has cleared that class.  */
static State *
state_of(PyTypeObject *metaclass)
{
    PyObject *module = ((PyHeapTypeObject *)metaclass)->ht_module;
    return module == NULL ? NULL : PyModule_GetState(module);
}

/* The slots of an instance begin behind its head, and the list of weak references may be behind them.  */
#define FIRST_SLOT ((Py_ssize_t)sizeof(PyObject))

/* Where the slots of instances of `type` end.  */
static Py_ssize_t
end_of_slots(PyTypeObject *type)
{
    return type->tp_weaklistoffset > 0 ? type->tp_weaklistoffset : type->tp_basicsize;
}

/* The place for the memory of instances of `type`; NULL for a class that is not in the table: to free a
   kept one takes its class, which it does not keep alive.  */
static Kept *
kept_of(State *state, PyTypeObject *type)
{
#define KEPT(name)                                                                                \
    if ((PyObject *)type == state->name##_type) {                                                 \
        return &state->kept_##name;                                                               \
    }
    KEPT_CLASSES(KEPT)
#undef KEPT
    return NULL;
}

/* Keep the memory, whose slots are empty, for the next one, or free it.  */
static void
let_go_of(PyTypeObject *type, PyObject *op)
{
    State *state = state_of(Py_TYPE(type));
    Kept *kept = state == NULL || !state->runtime_ready ? NULL : kept_of(state, type);
    if (kept != NULL && kept->number < MOST_KEPT) {
        SLOT(op, FIRST_SLOT) = kept->first;
        kept->first = op;
        kept->number++;
    }
    else {
        type->tp_free(op);
    }
    Py_DECREF(type);
}

/* Empty the slots and free the rest; `owner` is the class that has the slots.  */
static void
empty(PyTypeObject *owner, PyObject *op)
{
    Py_ssize_t references = owner->tp_weaklistoffset; /* below 0: elsewhere */
    if (references < 0 || (references > 0 && SLOT(op, references) != NULL)) {
        PyObject_ClearWeakRefs(op);
    }
    for (Py_ssize_t at = FIRST_SLOT, end = end_of_slots(owner); at < end; at += sizeof(PyObject *)) {
        PyObject *value = SLOT(op, at);
        SLOT(op, at) = NULL;
        Py_XDECREF(value);
    }
    let_go_of(Py_TYPE(op), op);
}

/* How many of the slots refer to `value`.  */
static Py_ssize_t
times_in(PyTypeObject *owner, PyObject *op, PyObject *value)
{
    Py_ssize_t times = 0;
    for (Py_ssize_t at = FIRST_SLOT, end = end_of_slots(owner); at < end; at += sizeof(PyObject *)) {
        times += SLOT(op, at) == value;
    }
    return times;
}

/* Whether freeing the values, or calling who has a weak reference, may free others, and so on without end.  */
static int
may_be_deep(PyTypeObject *owner, PyObject *op)
{
    if (owner->tp_weaklistoffset != 0 && SLOT(op, owner->tp_weaklistoffset) != NULL) {
        return 1;
    }
    for (Py_ssize_t at = FIRST_SLOT, end = end_of_slots(owner); at < end; at += sizeof(PyObject *)) {
        PyObject *value = SLOT(op, at);
        if (value != NULL && PyObject_IS_GC(value)
            && Py_REFCNT(value) <= times_in(owner, op, value)) {
            return 1;
        }
    }
    return 0;
}

void
value_dealloc(PyObject *op)
{
    PyTypeObject *owner = Py_TYPE(op);
    while (owner->tp_dealloc != value_dealloc) { /* called for an instance of a subclass */
        owner = owner->tp_base;
    }
    PyObject_GC_UnTrack(op);
    if (!may_be_deep(owner, op)) {
        empty(owner, op);
        return;
    }
    Py_TRASHCAN_BEGIN(op, value_dealloc) /* there may be results in results in results */
    empty(owner, op);
    Py_TRASHCAN_END
}

PyObject *
new_kept(PyObject *type, Kept *kept)
{
    PyObject *made = kept->first;
    if (made == NULL) {
        return new_instance(type);
    }
    kept->first = SLOT(made, FIRST_SLOT);
    kept->number--;
    SLOT(made, FIRST_SLOT) = NULL;
    return PyObject_Init(made, (PyTypeObject *)type);
}

PyObject *
new_ok(State *state, PyObject *value)
{
    PyObject *made = new_kept(state->ok_type, &state->kept_ok);
    if (made != NULL) {
        SLOT(made, FIRST_SLOT) = value;
        if (PyObject_IS_GC(value)) { /* else there is nothing that the collector could find */
            show_to_collector(made);
        }
    }
    return made;
}

void
free_kept(State *state)
{
#define FREE(name)                                                                                \
    while (state->kept_##name.first != NULL) {                                                    \
        PyObject *kept = state->kept_##name.first;                                                \
        state->kept_##name.first = SLOT(kept, FIRST_SLOT);                                        \
        PyObject_GC_Del(kept);                                                                    \
    }                                                                                             \
    state->kept_##name.number = 0;                                                                \
    Py_CLEAR(state->kept_##name.instancecheck);
    KEPT_CLASSES(FREE)
#undef FREE
}

/* --- their class ------------------------------------------------------------------------------- */

/* Whether an instance of `base` is freed without anything else being done. (Since CPython 3.12 `Generic` is a
   class of C, with a function of its own for that.)  */
static int
is_only_freed(PyTypeObject *base, PyTypeObject *type)
{
    return base == &PyBaseObject_Type || base->tp_dealloc == type->tp_dealloc
           || strcmp(base->tp_name, "typing.Generic") == 0;
}

/* Whether instances of `type`, which Python has just made, are slots and perhaps weak references, and
   nothing else. (attrs makes a class without slots first.)  */
static int
has_slots_alone(PyTypeObject *type)
{
    PyTypeObject *base = type->tp_base;
    return base->tp_basicsize == FIRST_SLOT && type->tp_itemsize == 0 && type->tp_dictoffset == 0
           && is_only_freed(base, type)
           && (type->tp_weaklistoffset <= 0
               || type->tp_weaklistoffset == type->tp_basicsize - (Py_ssize_t)sizeof(PyObject *))
           && end_of_slots(type) > FIRST_SLOT && type->tp_free == PyObject_GC_Del
           && type->tp_finalize == NULL && type->tp_del == NULL;
}

/* type.__init__(cls, ...): the class that is made frees its instances as above, if it can.  */
static int
class_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    PyTypeObject *type = (PyTypeObject *)op;
    if (PyType_Type.tp_init(op, args, kwargs) < 0) {
        return -1;
    }
    if (has_slots_alone(type)) {
        type->tp_dealloc = value_dealloc;
    }
    return 0;
}

/* isinstance(instance, cls), of another class than `cls` itself.  */
static PyObject *
class_instancecheck(PyObject *op, PyObject *instance)
{
    State *state = state_of(Py_TYPE(op));
    int found = state == NULL || !state->runtime_ready ? -1 : is_instance(state, instance, op);
    return found >= 0 ? PyBool_FromLong(found)
                      : PyObject_CallMethod((PyObject *)&PyType_Type, "__instancecheck__", "OO", op,
                                            instance);
}

static PyMethodDef INSTANCECHECK = {"__instancecheck__", class_instancecheck, METH_O, NULL};

/* cls.__instancecheck__: the bound method, which is kept for the next one.  */
static PyObject *
class_get_instancecheck(PyObject *op, void *closure)
{
    State *state = state_of(Py_TYPE(op));
    Kept *kept = state == NULL ? NULL : kept_of(state, (PyTypeObject *)op);
    if (kept == NULL) {
        return PyCFunction_New(&INSTANCECHECK, op);
    }
    if (kept->instancecheck == NULL) {
        kept->instancecheck = PyCFunction_New(&INSTANCECHECK, op);
    }
    return Py_XNewRef(kept->instancecheck);
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

/* Not a method: each isinstance would make a bound one.  */
static PyGetSetDef class_getset[] = {
    {"__instancecheck__", class_get_instancecheck, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot class_slots[] = {
    {Py_tp_clear, class_clear},
    {Py_tp_getattr, class_getattr},
    {Py_tp_getattro, class_getattro},
    {Py_tp_getset, class_getset},
    {Py_tp_init, class_init},
    {Py_tp_traverse, class_traverse},
    {0, NULL},
};

PyType_Spec class_of_values_spec = {
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
        PyObject *value = SLOT(args[0], FIRST_SLOT);
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
