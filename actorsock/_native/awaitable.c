/* The parts that all awaitables of the core have: see `awaitable.h`.  */

#include "awaitable.h"

#include <frameobject.h>

/* Most are made right after another one has ended, so one of each type is kept, without a reference to
   its type.  */
PyObject *
new_awaitable(PyObject *type, PyObject **spare)
{
    PyObject *made = *spare;
    if (made == NULL) {
        return new_instance(type);
    }
    *spare = NULL;
    (void)PyObject_Init(made, (PyTypeObject *)type);
    PyObject_GC_Track(made);
    return made;
}

void
free_awaitable(PyObject *op, PyObject **spare)
{
    PyTypeObject *type = Py_TYPE(op);
    if (*spare == NULL && !PyObject_GC_IsFinalized(op)) {
        *spare = op;
    }
    else {
        type->tp_free(op);
    }
    Py_DECREF(type);
}

void
free_spare(PyObject **spare)
{
    PyObject *kept = *spare;
    *spare = NULL;
    if (kept != NULL) {
        PyObject_GC_Del(kept);
    }
}

void
warn_not_awaited(PyObject *op, Twin *function)
{
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyObject *name = PyObject_GetAttrString(function->fallback, "__qualname__");
    if (name == NULL
        || PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%S' was never awaited", name) < 0) {
        PyErr_WriteUnraisable(op);
    }
    Py_XDECREF(name);
    PyErr_Restore(type, exc, traceback);
}

PyFrameObject *
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

void
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

PyObject *
awaitable_send(PyObject *op, PyObject *value)
{
    PyObject *result;
    if (Py_TYPE(op)->tp_as_async->am_send(op, value, &result) == PYGEN_RETURN) {
        stop_with(&result);
    }
    return result;
}

PyObject *
awaitable_next(PyObject *op)
{
    return awaitable_send(op, Py_None);
}

PyObject *
await_once(PyObject *op, int is_awaited)
{
    if (is_awaited) {
        PyErr_SetString(PyExc_RuntimeError, "coroutine is being awaited already");
        return NULL;
    }
    return Py_NewRef(op);
}

PyObject *
shown_of(PyObject *inner, PyObject *name)
{
    if (inner == NULL) {
        PyErr_SetObject(PyExc_AttributeError, name);
        return NULL;
    }
    return PyObject_GetAttr(inner, name);
}

void
raise_used(void)
{
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
}

void
raise_executing(void)
{
    PyErr_SetString(PyExc_ValueError, "coroutine already executing");
}

void
raise_thrown(PyObject *type, PyObject *exc)
{
    if (PyExceptionInstance_Check(type)) {
        PyErr_SetObject(PyExceptionInstance_Class(type), type);
    }
    else if (!PyExceptionClass_Check(type)) {
        PyErr_Format(PyExc_TypeError,
                     "exceptions must be classes or instances deriving from BaseException, not %s",
                     Py_TYPE(type)->tp_name);
    }
    else {
        PyErr_SetObject(type, exc);
    }
}

PySendResult
send_into(PyObject *inner, PyObject *value, PyObject **result)
{
    Py_INCREF(inner);
    PySendResult outcome = PyIter_Send(inner, value, result);
    Py_DECREF(inner);
    return outcome;
}

PyObject *
throw_into(State *state, PyObject *inner, PyObject *args)
{
    Py_INCREF(inner);
    PyObject *method = PyObject_GetAttr(inner, state->str_throw);
    PyObject *yielded = method == NULL ? NULL : PyObject_CallObject(method, args);
    Py_XDECREF(method);
    Py_DECREF(inner);
    return yielded;
}

int
close_inner(State *state, PyObject *inner)
{
    Py_INCREF(inner);
    int done = done_with(PyObject_CallMethodNoArgs(inner, state->str_close));
    Py_DECREF(inner);
    return done;
}
