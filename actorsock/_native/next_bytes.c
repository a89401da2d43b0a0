/* Waiting for the next bytes of a stream: the twin of `_next_bytes`.

   As in `receive.c`, the twin returns an awaitable in the place of a coroutine. It makes the process
   the reader of its lane, yields to the runtime once, and ends with the bytes that the process is
   woken with. Whatever else wakes the process is left to a coroutine of the Python, to which the
   awaitable passes everything on from then.  */

#include "core.h"

typedef enum { NEW, WAITING, PASSED_ON, DONE } Phase;

typedef struct {
    PyObject_HEAD
    State *state;
    PyObject *actor, *lane, *process;
    PyObject *inner; /* the coroutine, once PASSED_ON */
    Phase phase;
} NextBytes;

static int
next_bytes_traverse(PyObject *op, visitproc visit, void *arg)
{
    NextBytes *self = (NextBytes *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->actor);
    Py_VISIT(self->lane);
    Py_VISIT(self->process);
    Py_VISIT(self->inner);
    return 0;
}

static int
next_bytes_clear(PyObject *op)
{
    NextBytes *self = (NextBytes *)op;
    self->phase = DONE;
    Py_CLEAR(self->actor);
    Py_CLEAR(self->lane);
    Py_CLEAR(self->process);
    Py_CLEAR(self->inner);
    return 0;
}

static void
next_bytes_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)next_bytes_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

/* The light body of the process; a new reference, NULL with an exception if it has another one.  */
static PyObject *
body_of(NextBytes *self)
{
    PyObject *body = SLOT(self->process, self->state->process_body);
    if (!is_exactly(body, self->state->light_type)) {
        PyErr_SetString(PyExc_TypeError, "recv: the process has changed its body");
        return NULL;
    }
    return Py_NewRef(body);
}

/* The user of the last wait, if it was of the same process, or a new one; a new reference.  */
static PyObject *
reader_of(NextBytes *self, PyObject *pid)
{
    State *state = self->state;
    PyObject *reader = SLOT(self->actor, state->actor_reader);
    if (is_exactly(reader, state->user_type) && SLOT(reader, state->user_pid) == pid) {
        return Py_NewRef(reader);
    }
    reader = new_instance(state->user_type);
    if (reader != NULL) {
        SLOT(reader, state->user_pid) = Py_NewRef(pid);
        SLOT(reader, state->user_activity) = Py_NewRef(state->str_recv);
        SLOT(reader, state->user_handle) = Py_NewRef(Py_None);
        SLOT(reader, state->user_tag) = Py_NewRef(state->str_recv);
        SLOT(reader, state->user_op) = Py_NewRef(state->what_is_there);
        slot_set(self->actor, state->actor_reader, Py_NewRef(reader));
    }
    return reader;
}

static PySendResult
begin_wait(NextBytes *self, PyObject *body, PyObject **result)
{
    State *state = self->state;
    PyObject *pid = Py_XNewRef(SLOT(self->process, state->process_pid));
    PyObject *reader = pid == NULL ? NULL : reader_of(self, pid);
    Py_XDECREF(pid);
    if (reader == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_AttributeError, "a process without a pid");
        }
        return PYGEN_ERROR;
    }
    slot_set(self->lane, state->lane_current, reader);
    slot_set(self->lane, state->lane_ever_waited, Py_NewRef(Py_True));
    slot_set(body, state->light_parked, Py_NewRef(self->actor));
    self->phase = WAITING;
    *result = Py_NewRef(state->pause);
    return PYGEN_NEXT;
}

/* Whether nobody waits behind the current user of the lane.  */
static int
is_alone(NextBytes *self)
{
    PyObject *queue = SLOT(self->lane, self->state->lane_queue);
    return queue != NULL && (PyTuple_CheckExact(queue) || is_exactly(queue, self->state->deque_type))
           && Py_SIZE(queue) == 0;
}

static PySendResult
pass_on(NextBytes *self, PyObject *value, PyObject **result)
{
    PyObject *inner = Py_NewRef(self->inner);
    PySendResult outcome = PyIter_Send(inner, value, result);
    Py_DECREF(inner);
    if (outcome != PYGEN_NEXT) {
        (void)next_bytes_clear((PyObject *)self);
    }
    return outcome;
}

static PySendResult
end_wait(NextBytes *self, PyObject *body, PyObject **result)
{
    State *state = self->state;
    PyObject *outcome = SLOT(body, state->light_outcome);
    long budget;
    if (SLOT(self->process, state->process_ending) == Py_False
        && is_exactly(outcome, state->ok_type) && is_alone(self)
        && slot_long(body, state->light_budget, &budget)) {
        PyObject *left = PyLong_FromLong(budget - state->system_call);
        if (left == NULL) {
            return PYGEN_ERROR; /* the outcome stays in the body, and `throw` gives it back */
        }
        Py_INCREF(outcome);
        slot_set(body, state->light_budget, left);
        slot_set(body, state->light_outcome, Py_NewRef(Py_None));
        slot_set(self->lane, state->lane_current, Py_NewRef(Py_None));
        slot_set(self->lane, state->lane_selected, Py_NewRef(Py_False));
        (void)next_bytes_clear((PyObject *)self);
        *result = outcome;
        return PYGEN_RETURN;
    }
    self->inner = PyObject_CallFunctionObjArgs(state->woken_with_bytes, self->actor, self->lane,
                                               self->process, NULL);
    if (self->inner == NULL) {
        return PYGEN_ERROR;
    }
    self->phase = PASSED_ON;
    return pass_on(self, Py_None, result);
}

/* The call unwinds by `exc`: give back what it was woken with. 0, or -1 with another exception.  */
static int
abandon(NextBytes *self, PyObject *exc)
{
    State *state = self->state;
    PyObject *handled = PyErr_GetHandledException();
    PyErr_SetHandledException(exc);
    int done = -1;
    PyObject *body = body_of(self);
    if (body != NULL) {
        PyObject *outcome = Py_XNewRef(SLOT(body, state->light_outcome));
        PyObject *pid = Py_XNewRef(SLOT(self->process, state->process_pid));
        slot_set(body, state->light_outcome, Py_NewRef(Py_None));
        done = done_with(PyObject_CallMethodObjArgs(
            self->actor, state->str_abandon_call, state->what_is_there, pid == NULL ? Py_None : pid,
            outcome == NULL ? Py_None : outcome, NULL));
        Py_XDECREF(pid);
        Py_XDECREF(outcome);
        Py_DECREF(body);
    }
    PyErr_SetHandledException(handled);
    Py_XDECREF(handled);
    return done;
}

/* End a wait by the current exception.  */
static void
unwind(NextBytes *self)
{
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyErr_NormalizeException(&type, &exc, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(exc, traceback);
    }
    int done = abandon(self, exc);
    (void)next_bytes_clear((PyObject *)self);
    if (done < 0) {
        Py_XDECREF(type);
        Py_XDECREF(exc);
        Py_XDECREF(traceback);
    }
    else {
        PyErr_Restore(type, exc, traceback);
    }
}

static PySendResult
next_bytes_send(PyObject *op, PyObject *value, PyObject **result)
{
    NextBytes *self = (NextBytes *)op;
    *result = NULL;
    if (self->phase == DONE) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
    if (self->phase == PASSED_ON) {
        return pass_on(self, value, result);
    }
    Py_INCREF(op);
    PySendResult outcome = PYGEN_ERROR;
    PyObject *body = body_of(self);
    if (body != NULL) {
        outcome = self->phase == NEW ? begin_wait(self, body, result)
                                     : end_wait(self, body, result);
        Py_DECREF(body);
    }
    if (outcome == PYGEN_ERROR) {
        if (self->phase == WAITING) {
            unwind(self);
        }
        else {
            (void)next_bytes_clear(op);
        }
    }
    Py_DECREF(op);
    return outcome;
}

static PyObject *
next_bytes_next(PyObject *op)
{
    PyObject *result;
    if (next_bytes_send(op, Py_None, &result) == PYGEN_RETURN) {
        /* Not `PyErr_SetObject(StopIteration, result)`, which takes a tuple for arguments.  */
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
        if (stop != NULL) {
            PyErr_SetObject(PyExc_StopIteration, stop);
            Py_DECREF(stop);
        }
        Py_CLEAR(result);
    }
    return result;
}

/* An exception is thrown into the awaiting coroutine.  */
static PyObject *
next_bytes_throw(PyObject *op, PyObject *args)
{
    NextBytes *self = (NextBytes *)op;
    PyObject *type, *exc = NULL, *traceback = NULL;
    if (!PyArg_ParseTuple(args, "O|OO", &type, &exc, &traceback)) {
        return NULL;
    }
    if (self->phase == PASSED_ON) {
        PyObject *inner = Py_NewRef(self->inner);
        PyObject *method = PyObject_GetAttr(inner, self->state->str_throw);
        PyObject *yielded = method == NULL ? NULL : PyObject_CallObject(method, args);
        Py_XDECREF(method);
        Py_DECREF(inner);
        if (yielded == NULL) {
            (void)next_bytes_clear(op);
        }
        return yielded;
    }
    if (PyExceptionInstance_Check(type)) {
        PyErr_SetObject(PyExceptionInstance_Class(type), type);
    }
    else {
        PyErr_SetObject(type, exc);
    }
    Py_INCREF(op);
    if (self->phase == WAITING) {
        unwind(self);
    }
    else {
        (void)next_bytes_clear(op);
    }
    Py_DECREF(op);
    return NULL;
}

/* The awaiting coroutine is closed.  */
static PyObject *
next_bytes_close(PyObject *op, PyObject *unused)
{
    NextBytes *self = (NextBytes *)op;
    int done = 0;
    Py_INCREF(op);
    if (self->phase == PASSED_ON) {
        PyObject *inner = Py_NewRef(self->inner);
        done = done_with(PyObject_CallMethodNoArgs(inner, self->state->str_close));
        Py_DECREF(inner);
    }
    else if (self->phase == WAITING) {
        PyObject *exc = PyObject_CallNoArgs(PyExc_GeneratorExit);
        done = exc == NULL ? -1 : abandon(self, exc);
        Py_XDECREF(exc);
    }
    (void)next_bytes_clear(op);
    Py_DECREF(op);
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef next_bytes_methods[] = {
    {"close", next_bytes_close, METH_NOARGS, NULL},
    {"throw", next_bytes_throw, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
next_bytes_self(PyObject *op)
{
    return Py_NewRef(op);
}

static PyType_Slot next_bytes_slots[] = {
    {Py_am_await, next_bytes_self},
    {Py_am_send, next_bytes_send},
    {Py_tp_clear, next_bytes_clear},
    {Py_tp_dealloc, next_bytes_dealloc},
    {Py_tp_iter, next_bytes_self},
    {Py_tp_iternext, next_bytes_next},
    {Py_tp_methods, next_bytes_methods},
    {Py_tp_traverse, next_bytes_traverse},
    {0, NULL},
};

PyType_Spec next_bytes_spec = {
    .name = "actorsock._native._core.NextBytes",
    .basicsize = sizeof(NextBytes),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = next_bytes_slots,
};

/* _next_bytes(actor, lane) */
static PyObject *
next_bytes(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    PyObject *process = stepped_process(state);
    if (process == NULL && PyErr_Occurred()) {
        return NULL;
    }
    if (process == NULL || PyVectorcall_NARGS(nargsf) != 2 || kwnames != NULL
        || !is_exactly(args[0], state->actor_type) || !is_exactly(args[1], state->lane_type)
        || !is_exactly(SLOT(process, state->process_body), state->light_type)
        || SLOT(process, state->process_ending) != Py_False) {
        Py_XDECREF(process);
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    NextBytes *awaitable = (NextBytes *)new_instance(state->next_bytes_type);
    if (awaitable == NULL) {
        Py_DECREF(process);
        return NULL;
    }
    awaitable->state = state;
    awaitable->actor = Py_NewRef(args[0]);
    awaitable->lane = Py_NewRef(args[1]);
    awaitable->process = process;
    awaitable->phase = NEW;
    return (PyObject *)awaitable;
}

const TwinEntry NEXT_BYTES_TWINS[] = {
    {"_next_bytes", next_bytes},
    {NULL, NULL},
};
