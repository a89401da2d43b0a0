/* The module: its state, and the type of the twins.

   A twin is a callable that stands in the place of one Python function. It is called like that
   function, shows its name, signature and documentation, binds like it in a class, and calls it
   for everything that is not the plain case. The plain cases are in the other files of this
   folder, one file for each group of functions.  */

#include "awaitable.h"

#include <stddef.h>

/* --- the twins, by name ------------------------------------------------------------------------ */

static const TwinEntry *const TABLES[] = {LIGHT_TWINS, MESSAGE_TWINS, MATCHING_TWINS, RECEIVE_TWINS,
                                           SOCKET_TWINS, POLLER_TWINS,  ASKING_TWINS, NOWAIT_TWINS,
                                           CALL_TWINS, CALLING_TWINS, SPAWNING_TWINS, OPENING_TWINS,
                                           PACKET_TWINS,  ACTIVE_TWINS, STREAM_SEND_TWINS,
                                           DATAGRAM_SEND_TWINS, TERM_TWINS, RESULT_TWINS,
                                           NULL};

static const TwinEntry *
find_entry(const char *name)
{
    for (const TwinEntry *const *table = TABLES; *table != NULL; table++) {
        for (const TwinEntry *entry = *table; entry->name != NULL; entry++) {
            if (strcmp(entry->name, name) == 0) {
                return entry;
            }
        }
    }
    return NULL;
}

/* The entry of `function`: by its module and name, where functions of that name are in several
   modules, else by its name.  */
static const TwinEntry *
entry_of(const char *name, PyObject *function)
{
    PyObject *module = PyObject_GetAttrString(function, "__module__");
    PyObject *path = module == NULL ? NULL : PyUnicode_FromFormat("%S.%s", module, name);
    const char *text = path == NULL ? NULL : PyUnicode_AsUTF8(path);
    const TwinEntry *entry = text == NULL ? NULL : find_entry(text);
    Py_XDECREF(path);
    Py_XDECREF(module);
    if (entry == NULL) {
        PyErr_Clear();
        entry = find_entry(name);
    }
    return entry;
}

PyObject *
return_itself(PyObject *op)
{
    return Py_NewRef(op);
}

PyObject *
twin_fall_back(Twin *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    return PyObject_Vectorcall(self->fallback, args, nargsf, kwnames);
}

/* Whether a trace or profile function is set: then everything goes the Python way.  */
static inline int
is_observed(void)
{
    PyThreadState *thread = PyThreadState_Get();
    return thread->c_tracefunc != NULL || thread->c_profilefunc != NULL;
}

static PyObject *
twin_call(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    return is_observed() ? twin_fall_back(self, args, nargsf, kwnames)
                         : self->plain(op, args, nargsf, kwnames);
}

/* --- the type ---------------------------------------------------------------------------------- */

static int
twin_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Twin *)op)->fallback);
    Py_VISIT(((Twin *)op)->module);
    return 0;
}

static int
twin_clear(PyObject *op)
{
    ((Twin *)op)->state = NULL; /* it goes with the module */
    Py_CLEAR(((Twin *)op)->fallback);
    Py_CLEAR(((Twin *)op)->module);
    return 0;
}

static void
twin_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)twin_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
twin_repr(PyObject *op)
{
    return PyUnicode_FromFormat("<native twin of %R>", ((Twin *)op)->fallback);
}

static PyObject *
twin_descr_get(PyObject *op, PyObject *instance, PyObject *owner)
{
    if (instance == NULL || instance == Py_None) {
        return Py_NewRef(op);
    }
    return PyMethod_New(op, instance);
}

/* What is asked of the function, its name, say, is the Python function's.  */
static PyObject *
twin_getattro(PyObject *op, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(op, name);
    if (found == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        found = PyObject_GetAttr(((Twin *)op)->fallback, name);
    }
    return found;
}

static PyObject *
twin_get_doc(PyObject *op, void *closure)
{
    return PyObject_GetAttrString(((Twin *)op)->fallback, "__doc__");
}

static PyObject *
twin_get_module(PyObject *op, void *closure)
{
    return PyObject_GetAttrString(((Twin *)op)->fallback, "__module__");
}

/* Pickled and copied like a function: by its name.  */
static PyObject *
twin_reduce(PyObject *op, PyObject *unused)
{
    return PyObject_GetAttrString(((Twin *)op)->fallback, "__qualname__");
}

static PyMethodDef twin_methods[] = {
    {"__reduce__", twin_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef twin_getset[] = {
    {"__doc__", twin_get_doc, NULL, NULL, NULL},
    {"__module__", twin_get_module, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef twin_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Twin, vectorcall), READONLY, NULL},
    {"__wrapped__", T_OBJECT_EX, offsetof(Twin, fallback), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot twin_slots[] = {
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_clear, twin_clear},
    {Py_tp_dealloc, twin_dealloc},
    {Py_tp_descr_get, twin_descr_get},
    {Py_tp_getattro, twin_getattro},
    {Py_tp_getset, twin_getset},
    {Py_tp_members, twin_members},
    {Py_tp_methods, twin_methods},
    {Py_tp_repr, twin_repr},
    {Py_tp_traverse, twin_traverse},
    {0, NULL},
};

static PyType_Spec twin_spec = {
    .name = "actorsock._native._core.Twin",
    .basicsize = sizeof(Twin),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
             | Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = twin_slots,
};

/* --- the classes that have a twin -------------------------------------------------------------- */

static PyMemberDef account_members[] = {
    {"budget", T_LONGLONG, offsetof(Account, budget), 0, NULL},
    {"floor", T_LONGLONG, offsetof(Account, floor), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot account_slots[] = {
    {Py_tp_members, account_members},
    {0, NULL},
};

static PyType_Spec account_spec = {
    .name = "actorsock._native._core.Account",
    .basicsize = sizeof(Account),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = account_slots,
};

static PyObject *
init_subclass(PyObject *op, PyObject *unused)
{
    PyTypeObject *type = (PyTypeObject *)op, *base = type->tp_base;
    if (!PyType_IS_GC(base) && type->tp_basicsize == base->tp_basicsize
        && type->tp_dictoffset == base->tp_dictoffset
        && type->tp_weaklistoffset == base->tp_weaklistoffset) {
        type->tp_flags &= ~Py_TPFLAGS_HAVE_GC;
        type->tp_traverse = NULL;
        type->tp_clear = NULL;
        type->tp_free = PyObject_Free;
    }
    Py_RETURN_NONE;
}

PyMethodDef SUBCLASS_METHODS[] = {
    {"__init_subclass__", init_subclass, METH_NOARGS | METH_CLASS,
     "Make a class whose instances are no larger than those of this one."},
    {NULL, NULL, 0, NULL},
};

/* The number is an integer of C where it fits, as all numbers of this program do; those that other nodes
   have given may be larger. A pointer is even, so an odd word is an integer, shifted by one.  */
typedef struct {
    PyObject_HEAD
    intptr_t number; /* 0: unset */
    PyObject *weak_references;
} Numbered;

static int
is_integer(intptr_t number)
{
    return number & 1;
}

int
set_identity(PyObject *op, PyObject *number)
{
    Numbered *self = (Numbered *)op;
    int overflow = 0;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (value == -1 && !overflow && PyErr_Occurred()) {
        return -1;
    }
    intptr_t former = self->number;
    if (!overflow && value >= INTPTR_MIN / 2 && value <= INTPTR_MAX / 2) {
        self->number = (intptr_t)value * 2 + 1;
    }
    else {
        self->number = (intptr_t)Py_NewRef(number);
    }
    if (!is_integer(former)) {
        Py_XDECREF((PyObject *)former);
    }
    return 0;
}

static PyObject *
numbered_get(PyObject *op, void *closure)
{
    intptr_t number = ((Numbered *)op)->number;
    if (number == 0) {
        PyErr_SetString(PyExc_AttributeError, "_number");
        return NULL;
    }
    return is_integer(number) ? PyLong_FromLongLong((number - 1) / 2)
                              : Py_NewRef((PyObject *)number);
}

static int
numbered_set(PyObject *op, PyObject *value, void *closure)
{
    if (value == NULL || !PyLong_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "_number: expected an int");
        return -1;
    }
    return set_identity(op, value);
}

static void
numbered_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    intptr_t number = ((Numbered *)op)->number;
    PyObject_ClearWeakRefs(op);
    if (!is_integer(number)) {
        Py_XDECREF((PyObject *)number);
    }
    type->tp_free(op);
    Py_DECREF(type);
}

static PyGetSetDef numbered_getset[] = {
    {"_number", numbered_get, numbered_set, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef numbered_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Numbered, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot numbered_slots[] = {
    {Py_tp_dealloc, numbered_dealloc},
    {Py_tp_getset, numbered_getset},
    {Py_tp_methods, SUBCLASS_METHODS},
    {Py_tp_members, numbered_members},
    {0, NULL},
};

/* Without the part that the garbage collector needs: a number refers to nothing.  */
static PyType_Spec numbered_spec = {
    .name = "actorsock._native._core.Numbered",
    .basicsize = sizeof(Numbered),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = numbered_slots,
};

/* --- all classes ------------------------------------------------------------------------------- */

static const struct {
    const char *stands_for; /* a class of the Python, by this name; or NULL */
    Py_ssize_t place;       /* in the state */
    PyType_Spec *spec;
} CLASSES[] = {
#define CLASS(name, spec) offsetof(State, name##_type), &spec
    {NULL, CLASS(twin, twin_spec)},
    {"Account", CLASS(account, account_spec)},
    {"Numbered", CLASS(numbered, numbered_spec)},
    {"CountedNumbers", CLASS(counted_numbers, counted_numbers_spec)},
    {"PacketNumbers", CLASS(packet_numbers, packet_numbers_spec)},
    {"Table", CLASS(table, table_spec)},
    {NULL, CLASS(woken, woken_spec)},
    {NULL, CLASS(matcher, matcher_spec)},
    {NULL, CLASS(receiving, receiving_spec)},
    {NULL, CLASS(asked, asked_spec)},
    {NULL, CLASS(calling, calling_spec)},
    {NULL, CLASS(sending, sending_spec)},
#undef CLASS
};

static int
make_classes(State *state, PyObject *module)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(CLASSES); i++) {
        PyObject *made = PyType_FromModuleAndSpec(module, CLASSES[i].spec, NULL);
        if (made == NULL) {
            return -1;
        }
        SLOT(state, CLASSES[i].place) = made;
    }
    PyObject *bases = (PyObject *)&PyType_Type;
    state->class_of_values = PyType_FromModuleAndSpec(module, &class_of_values_spec, bases);
    return state->class_of_values == NULL ? -1 : 0;
}

/* The class that stands for one of the Python; borrowed, NULL without an exception if there is none.  */
static PyObject *
find_class(State *state, const char *name)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(CLASSES); i++) {
        if (CLASSES[i].stands_for != NULL && strcmp(name, CLASSES[i].stands_for) == 0) {
            return SLOT(state, CLASSES[i].place);
        }
    }
    return strcmp(name, "type") == 0 ? state->class_of_values : NULL;
}

/* --- the module -------------------------------------------------------------------------------- */

PyDoc_STRVAR(twin_doc, "twin(name, function, /)\n--\n\n"
                       "Return the twin of that name, which falls back to `function`; for a class, "
                       "the class of that name.");

static PyObject *
module_twin(PyObject *module, PyObject *args)
{
    const char *name;
    PyObject *function;
    if (!PyArg_ParseTuple(args, "sO", &name, &function)) {
        return NULL;
    }
    State *state = PyModule_GetState(module);
    PyObject *class = PyType_Check(function) ? find_class(state, name) : NULL;
    if (class != NULL) {
        return Py_NewRef(class);
    }
    const TwinEntry *entry = entry_of(name, function);
    if (entry == NULL) {
        return PyErr_Format(PyExc_LookupError,
                            "there is no native twin of %s; if the native core is older than the "
                            "sources, install actorsock again",
                            name);
    }
    PyTypeObject *type = (PyTypeObject *)state->twin_type;
    Twin *self = (Twin *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->vectorcall = twin_call;
    self->plain = entry->plain;
    self->fallback = Py_NewRef(function);
    self->module = Py_NewRef(module);
    self->state = state;
    return (PyObject *)self;
}

static PyMethodDef module_methods[] = {
    {"twin", module_twin, METH_VARARGS, twin_doc},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    State *state = PyModule_GetState(module);
    if (make_classes(state, module) < 0) {
        return -1;
    }
    state->take_steps = PyCFunction_New(&TAKE_STEPS, module);
    state->match_args = PyUnicode_InternFromString("__match_args__");
    if (state->take_steps == NULL || state->match_args == NULL) {
        return -1;
    }
    PyTypeObject *woken = (PyTypeObject *)state->woken_type;
    state->woken = woken->tp_alloc(woken, 0);
    return state->woken == NULL ? -1 : 0;
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
#define VISIT(name) Py_VISIT(state->name);
    STATE_OBJECTS(VISIT)
#undef VISIT
#define VISIT(name) Py_VISIT(state->str_##name);
    STATE_WORDS(VISIT)
#undef VISIT
#define VISIT(name) Py_VISIT(state->kept_##name.instancecheck);
    KEPT_CLASSES(VISIT)
#undef VISIT
    return 0;
}

static int
module_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    state->runtime_ready = state->otp_ready = state->sockets_ready = 0;
    state->inet_ready = state->terms_ready = 0;
    /* Before the classes: to free an object takes its class, which a spare one does not keep alive. From
       here on none is kept.  */
    free_spare(&state->spare_asked);
    free_spare(&state->spare_receiving);
    free_spare(&state->spare_calling);
    free_spare(&state->spare_sending);
    free_kept(state);
    free_descriptors(state);
#define CLEAR(name) Py_CLEAR(state->name);
    STATE_OBJECTS(CLEAR)
#undef CLEAR
#define CLEAR(name) Py_CLEAR(state->str_##name);
    STATE_WORDS(CLEAR)
#undef CLEAR
    return 0;
}

static void
module_free(void *module)
{
    (void)module_clear((PyObject *)module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "actorsock._native._core",
    .m_doc = "Native twins of the functions that programs spend their time in.",
    .m_size = sizeof(State),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&module_def);
}
