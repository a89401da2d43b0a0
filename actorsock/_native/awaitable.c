/* The parts that all awaitables of the core have, as coroutines have them: see `awaitable.h`.  */

#include "awaitable.h"

#include <frameobject.h>

/* --- making and freeing ------------------------------------------------------------------------ */

void
free_spare(PyObject **spare)
{
    PyObject *kept = *spare;
    *spare = NULL;
    if (kept != NULL) {
        PyObject_GC_Del(kept);
    }
}

static int
awaitable_traverse(PyObject *op, visitproc visit, void *arg)
{
    Awaitable *self = (Awaitable *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->function);
    Py_VISIT(self->process);
    Py_VISIT(self->inner);
    for (size_t i = 0; i < Py_ARRAY_LENGTH(self->own); i++) {
        Py_VISIT(self->own[i]);
    }
    return 0;
}

/* It is over: let go of everything but the function.  */
static void
finish(Awaitable *self)
{
    self->phase = DONE;
    Py_CLEAR(self->process);
    Py_CLEAR(self->inner);
    for (size_t i = 0; i < Py_ARRAY_LENGTH(self->own); i++) {
        Py_CLEAR(self->own[i]);
    }
}

static int
awaitable_clear(PyObject *op)
{
    finish((Awaitable *)op);
    return 0;
}

static void
awaitable_dealloc(PyObject *op)
{
    Awaitable *self = (Awaitable *)op;
    if (self->phase != DONE && PyObject_CallFinalizerFromDealloc(op) < 0) {
        return;
    }
    PyObject_GC_UnTrack(op);
    if (self->phase != DONE) {
        finish(self);
    }
    PyTypeObject *type = Py_TYPE(op);
    Twin *function = self->function;
    State *state = function->state; /* NULL once the collector has cleared the function */
    if (state != NULL && state->runtime_ready && SLOT(state, self->steps->spare) == NULL
        && !PyObject_GC_IsFinalized(op)) {
        SLOT(state, self->steps->spare) = op;
    }
    else {
        type->tp_free(op);
    }
    Py_DECREF((PyObject *)function);
    Py_DECREF(type);
}

/* --- what is raised ---------------------------------------------------------------------------- */

/* A frame of the Python function, which there would be without the twin, to show where the process is;
   NULL with an exception.  */
static PyFrameObject *
frame_of(Twin *function)
{
    PyObject *code = PyObject_GetAttrString(function->fallback, "__code__");
    PyObject *globals =
        code == NULL ? NULL : PyObject_GetAttrString(function->fallback, "__globals__");
    PyFrameObject *frame = NULL;
    if (globals != NULL) {
        frame = PyFrame_New(PyThreadState_Get(), (PyCodeObject *)code, globals, NULL);
    }
    Py_XDECREF(globals);
    Py_XDECREF(code);
    return frame;
}

/* Whether such a frame is shown: while the call is under way, and without the coroutine of the function,
   which has a frame of its own.  */
static int
shows_frame(Awaitable *self)
{
    return !self->hidden && self->phase != CALLED && self->phase < IN_PYTHON;
}

/* Add that frame to the traceback of the exception that is set.  */
static void
add_to_traceback(Twin *function)
{
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyFrameObject *frame = frame_of(function);
    if (frame == NULL) {
        PyErr_Clear();
    }
    PyErr_Restore(type, exc, traceback);
    if (frame != NULL) {
        (void)PyTraceBack_Here(frame);
        Py_DECREF(frame);
    }
}

/* A StopIteration would look like the end to who awaits it: raise what a coroutine raises instead.  */
static void
hide_stop(void)
{
    PyObject *stop = take_exception();
    PyErr_SetString(PyExc_RuntimeError, "coroutine raised StopIteration");
    PyObject *exc = take_exception();
    PyException_SetCause(exc, Py_NewRef(stop));
    PyException_SetContext(exc, stop);
    set_again(exc);
}

/* End by the exception that is set.  */
static void
fail(Awaitable *self)
{
    if (shows_frame(self)) {
        add_to_traceback(self->function);
    }
    if (self->phase == WAITING && self->steps->unwind != NULL) {
        PyObject *handled, *exc = Py_NewRef(begin_except(&handled));
        int done = self->steps->unwind(self);
        end_except(exc, handled);
        if (done < 0) {
            Py_DECREF(exc);
        }
        else {
            set_again(exc);
        }
    }
    if (PyErr_ExceptionMatches(PyExc_StopIteration)) {
        hide_stop();
    }
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    finish(self);
    PyErr_Restore(type, exc, traceback);
}

/* Raise what a coroutine raises that can't be stepped now.  */
static void
refuse(Awaitable *self)
{
    if (self->running) {
        PyErr_SetString(PyExc_ValueError, "coroutine already executing");
    }
    else if (self->phase == DONE) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    }
    else {
        PyErr_SetString(PyExc_TypeError,
                        "can't send non-None value to a just-started coroutine");
    }
}

/* --- steps ------------------------------------------------------------------------------------- */

/* `inner` is over, with `value`, whose reference is taken over.  */
static PySendResult
after_inner(Awaitable *self, PyObject *value, PyObject **result)
{
    Py_CLEAR(self->inner);
    if (self->phase >= PASSED_ON) {
        *result = value;
        return PYGEN_RETURN;
    }
    return self->steps->go_on(self, value, result);
}

/* Send `value` into `inner`.  */
static PySendResult
step_inner(Awaitable *self, PyObject *value, PyObject **result)
{
    PyObject *inner = Py_NewRef(self->inner), *yielded = NULL;
    PySendResult outcome = PyIter_Send(inner, value, &yielded);
    Py_DECREF(inner);
    if (outcome == PYGEN_RETURN) {
        return after_inner(self, yielded, result);
    }
    *result = yielded;
    return outcome;
}

PySendResult
go_on_in(Awaitable *self, PyObject *inner, Phase phase, PyObject **result)
{
    if (inner == NULL) {
        return PYGEN_ERROR;
    }
    Py_XSETREF(self->inner, inner);
    self->phase = phase;
    return step_inner(self, Py_None, result);
}

PySendResult
check_cancelled(Awaitable *self, PyObject **result)
{
    State *state = self->function->state;
    return go_on_in(self, PyObject_CallNoArgs(state->checkpoint_if_cancelled), CHECKING, result);
}

static inline PySendResult
end_step(Awaitable *self, PySendResult outcome)
{
    if (outcome == PYGEN_RETURN) {
        finish(self);
    }
    else if (outcome == PYGEN_ERROR) {
        fail(self);
    }
    self->running = 0;
    return outcome;
}

static PySendResult
awaitable_step(PyObject *op, PyObject *value, PyObject **result)
{
    Awaitable *self = (Awaitable *)op;
    PySendResult outcome;
    *result = NULL;
    if (self->phase == CALLED ? value != Py_None : self->running || self->phase == DONE) {
        refuse(self);
        return PYGEN_ERROR;
    }
    self->running = 1;
    if (self->phase == CALLED) {
        self->phase = STARTED;
        outcome = self->steps->begin(self, result);
    }
    else if (self->inner == NULL) {
        outcome = self->steps->go_on(self, NULL, result);
    }
    else {
        outcome = step_inner(self, value, result);
    }
    return end_step(self, outcome);
}

/* `send` and `__next__`, of which the end is a StopIteration. The interpreter calls these when it is traced,
   else the slot `am_send`.  */
static PyObject *
awaitable_send(PyObject *op, PyObject *value)
{
    PyObject *result;
    if (awaitable_step(op, value, &result) == PYGEN_RETURN) {
        stop_with(&result);
    }
    return result;
}

static PyObject *
awaitable_next(PyObject *op)
{
    return awaitable_send(op, Py_None);
}

/* `await`, of one caller only.  */
static PyObject *
awaitable_await(PyObject *op)
{
    Awaitable *self = (Awaitable *)op;
    if (self->phase != CALLED && self->phase != DONE && !self->running) {
        PyErr_SetString(PyExc_RuntimeError, "coroutine is being awaited already");
        return NULL;
    }
    return Py_NewRef(op);
}

/* Raise what the arguments of `throw` say: 0, or -1 with another exception if they are wrong.  */
static int
raise_thrown(PyObject *args)
{
    PyObject *type, *exc = NULL, *traceback = NULL;
    if (!PyArg_ParseTuple(args, "O|OO", &type, &exc, &traceback)) {
        return -1;
    }
#if PY_VERSION_HEX >= 0x030C0000
    if (exc != NULL
        && PyErr_WarnEx(PyExc_DeprecationWarning,
                        "the (type, exc, tb) signature of throw() is deprecated, use the "
                        "single-arg signature instead.",
                        1) < 0) {
        return -1;
    }
#endif
    if (traceback == Py_None) {
        traceback = NULL;
    }
    if (traceback != NULL && !PyTraceBack_Check(traceback)) {
        PyErr_SetString(PyExc_TypeError, "throw() third argument must be a traceback object");
        return -1;
    }
    if (PyExceptionInstance_Check(type)) {
        if (exc != NULL && exc != Py_None) {
            PyErr_SetString(PyExc_TypeError, "instance exception may not have a separate value");
            return -1;
        }
        exc = type;
        type = PyExceptionInstance_Class(type);
    }
    else if (!PyExceptionClass_Check(type)) {
        PyErr_Format(PyExc_TypeError,
                     "exceptions must be classes or instances deriving from BaseException, not %s",
                     Py_TYPE(type)->tp_name);
        return -1;
    }
    PyErr_SetObject(type, exc);
    if (traceback != NULL) {
        PyObject *thrown = take_exception();
        PyException_SetTraceback(thrown, traceback);
        set_again(thrown);
    }
    return 0;
}

/* Take the value of the StopIteration that is set; a new reference, NULL with an exception.  */
static PyObject *
take_stop_value(void)
{
    PyObject *stop = take_exception(), *value = NULL;
    if (!PyErr_GivenExceptionMatches(stop, PyExc_StopIteration)) { /* no memory to make it */
        set_again(stop);
        return NULL;
    }
    value = Py_NewRef(((PyStopIterationObject *)stop)->value);
    Py_DECREF(stop);
    return value;
}

/* Throw into `inner`.  */
static PySendResult
throw_into_inner(Awaitable *self, PyObject *args, PyObject **result)
{
    PyObject *inner = Py_NewRef(self->inner);
    PyObject *method = PyObject_GetAttr(inner, self->function->state->str_throw);
    *result = method == NULL ? NULL : PyObject_CallObject(method, args);
    Py_XDECREF(method);
    Py_DECREF(inner);
    if (*result != NULL) {
        return PYGEN_NEXT;
    }
    PyObject *value = NULL;
    if (PyErr_ExceptionMatches(PyExc_StopIteration)) { /* it has caught the exception, and returned */
        value = take_stop_value();
    }
    return value == NULL ? PYGEN_ERROR : after_inner(self, value, result);
}

static PyObject *
awaitable_throw(PyObject *op, PyObject *args)
{
    Awaitable *self = (Awaitable *)op;
    PyObject *result = NULL;
    PySendResult outcome = PYGEN_ERROR;
    if (self->running || self->phase == DONE) {
        if (raise_thrown(args) == 0) {
            refuse(self);
        }
        return NULL;
    }
    Phase former = self->phase;
    if (former == CALLED) {
        self->phase = STARTED;
    }
    self->running = 1; /* now: to make the exception may run Python code */
    if (self->inner == NULL && raise_thrown(args) < 0) {
        self->phase = former;
        self->running = 0;
        return NULL;
    }
    if (self->inner != NULL) {
        outcome = throw_into_inner(self, args, &result);
    }
    if (end_step(self, outcome) == PYGEN_RETURN) {
        stop_with(&result);
    }
    return result;
}

static PyObject *
awaitable_close(PyObject *op, PyObject *unused)
{
    Awaitable *self = (Awaitable *)op;
    if (self->running) {
        refuse(self);
        return NULL;
    }
    if (self->phase == CALLED || self->phase == DONE) {
        finish(self);
        Py_RETURN_NONE;
    }
    self->running = 1;
    PyObject *inner = Py_XNewRef(self->inner);
    if (inner == NULL
        || done_with(PyObject_CallMethodNoArgs(inner, self->function->state->str_close)) == 0) {
        PyErr_SetNone(PyExc_GeneratorExit);
    }
    Py_XDECREF(inner);
    (void)end_step(self, PYGEN_ERROR);
    if (!PyErr_ExceptionMatches(PyExc_GeneratorExit)) {
        return NULL;
    }
    PyErr_Clear();
    Py_RETURN_NONE;
}

/* What Python does with a coroutine that is not used any more: it warns if nobody has awaited it, else
   closes it.  */
static void
awaitable_finalize(PyObject *op)
{
    Awaitable *self = (Awaitable *)op;
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    int done = 0;
    if (self->phase == CALLED) {
        PyObject *name = PyObject_GetAttrString(self->function->fallback, "__qualname__");
        done = name == NULL ? -1
                            : PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                                               "coroutine '%S' was never awaited", name);
        Py_XDECREF(name);
    }
    else if (self->phase != DONE) {
        done = done_with(awaitable_close(op, NULL));
    }
    if (done < 0) {
        PyErr_WriteUnraisable(op);
    }
    PyErr_Restore(type, exc, traceback);
}

/* --- what it shows ----------------------------------------------------------------------------- */

static PyObject *
get_name(PyObject *op, void *name)
{
    return PyObject_GetAttrString(((Awaitable *)op)->function->fallback, name);
}

/* The attribute `name` of `inner`. Debuggers and trio ask for such attributes to show where a coroutine
   waits.  */
static PyObject *
shown_of_inner(Awaitable *self, PyObject *name)
{
    PyObject *inner = Py_NewRef(self->inner == NULL ? Py_None : self->inner);
    PyObject *value = inner == Py_None ? Py_NewRef(Py_None) : PyObject_GetAttr(inner, name);
    Py_DECREF(inner);
    return value;
}

static PyObject *
get_frame(PyObject *op, void *closure)
{
    Awaitable *self = (Awaitable *)op;
    return shows_frame(self) ? (PyObject *)frame_of(self->function)
                             : shown_of_inner(self, self->function->state->str_cr_frame);
}

static PyObject *
get_await(PyObject *op, void *closure)
{
    Awaitable *self = (Awaitable *)op;
    if (shows_frame(self)) {
        return Py_NewRef(self->inner == NULL ? Py_None : self->inner);
    }
    return shown_of_inner(self, self->function->state->str_cr_await);
}

static PyGetSetDef awaitable_getset[] = {
    {"__name__", get_name, NULL, NULL, "__name__"},
    {"__qualname__", get_name, NULL, NULL, "__qualname__"},
    {"cr_await", get_await, NULL, NULL, NULL},
    {"cr_frame", get_frame, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef awaitable_methods[] = {
    {"close", awaitable_close, METH_NOARGS, NULL},
    {"send", awaitable_send, METH_O, NULL},
    {"throw", awaitable_throw, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyType_Slot AWAITABLE_SLOTS[] = {
    {Py_am_await, awaitable_await},
    {Py_am_send, awaitable_step},
    {Py_tp_clear, awaitable_clear},
    {Py_tp_dealloc, awaitable_dealloc},
    {Py_tp_finalize, awaitable_finalize},
    {Py_tp_getset, awaitable_getset},
    {Py_tp_iter, return_itself},
    {Py_tp_iternext, awaitable_next},
    {Py_tp_methods, awaitable_methods},
    {Py_tp_traverse, awaitable_traverse},
    {0, NULL},
};
