/* Calling: the twin of `otp.call`.

   The Python is a coroutine. The twin returns a `Calling`, which is awaited in the same way, and like a
   coroutine does nothing before. A light process delivers the request in the first step; a task awaits
   trio's look for a cancellation (`inner`) first. If the server has answered in place, that is the end.
   If not, a coroutine of the Python waits for the answer (`inner` again), to which everything is passed
   on. What is not plain (a name instead of a pid, a server that is not there, values that travel) is
   left to the coroutine of `call` itself.  */

#include "../awaitable.h"

typedef enum {
    CALLED,     /* nothing is done yet */
    CHECKING,   /* a task: trio looks for a cancellation (`inner`) */
    DELIVERING, /* the request is on its way, or is being served in place */
    WAITING,    /* for the answer (`inner`) */
    IN_PYTHON,  /* the Python does all of it (`inner`) */
    DONE,
} Phase;

typedef struct {
    PyObject_HEAD
    State *state;
    Twin *function;
    PyObject *server, *request;
    PyObject *timeout; /* NULL: as `call` has it */
    PyObject *process; /* that calls; NULL until it has paid */
    PyObject *inner;   /* the coroutine that is awaited, or NULL */
    Phase phase;
} Calling;

static int
calling_traverse(PyObject *op, visitproc visit, void *arg)
{
    Calling *self = (Calling *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->function);
    Py_VISIT(self->server);
    Py_VISIT(self->request);
    Py_VISIT(self->timeout);
    Py_VISIT(self->process);
    Py_VISIT(self->inner);
    return 0;
}

/* The call is over.  */
static void
finish(Calling *self)
{
    self->phase = DONE;
    Py_CLEAR(self->server);
    Py_CLEAR(self->request);
    Py_CLEAR(self->timeout);
    Py_CLEAR(self->process);
    Py_CLEAR(self->inner);
}

static int
calling_clear(PyObject *op)
{
    finish((Calling *)op);
    Py_CLEAR(((Calling *)op)->function);
    return 0;
}

static void
calling_finalize(PyObject *op)
{
    Calling *self = (Calling *)op;
    if (self->phase == CALLED) {
        warn_not_awaited(op, self->function);
    }
}

static void
calling_dealloc(PyObject *op)
{
    Calling *self = (Calling *)op;
    if (self->phase == CALLED && PyObject_CallFinalizerFromDealloc(op) < 0) {
        return;
    }
    PyObject_GC_UnTrack(op);
    (void)calling_clear(op);
    free_awaitable(op, &self->state->spare_calling);
}

/* --- the steps --------------------------------------------------------------------------------- */

/* Whether a frame of `call` is shown: without the coroutine of that function.  */
static int
has_frame(Calling *self)
{
    return self->phase == CHECKING || self->phase == DELIVERING || self->phase == WAITING;
}

/* The call ends with the exception that is set.  */
static PySendResult
failed(Calling *self)
{
    if (has_frame(self)) {
        add_to_traceback(self->function);
    }
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    finish(self);
    PyErr_Restore(type, exc, traceback);
    return PYGEN_ERROR;
}

static PySendResult deliver(Calling *self, PyObject **result);

/* `inner` has yielded, or is over.  */
static PySendResult
after_inner(Calling *self, PySendResult outcome, PyObject **result)
{
    if (outcome == PYGEN_NEXT) {
        return outcome;
    }
    if (outcome == PYGEN_ERROR) {
        return failed(self);
    }
    if (self->phase == CHECKING) {
        Py_CLEAR(*result);
        Py_CLEAR(self->inner);
        return deliver(self, result);
    }
    finish(self);
    return outcome;
}

static PySendResult
send_to_inner(Calling *self, PyObject *value, PyObject **result)
{
    return after_inner(self, send_into(self->inner, value, result), result);
}

/* Go on with `inner`, of which the reference is taken over.  */
static PySendResult
go_on_with(Calling *self, PyObject *inner, Phase phase, PyObject **result)
{
    if (inner == NULL) {
        return failed(self);
    }
    Py_XSETREF(self->inner, inner);
    self->phase = phase;
    return send_to_inner(self, Py_None, result);
}

/* Have the Python do all of it. What the process has paid, it pays there again.  */
static PySendResult
begin_in_python(Calling *self, PyObject **result)
{
    State *state = self->state;
    if (self->process != NULL) {
        PyObject *body = SLOT(self->process, state->process_body);
        if (is_exactly(body, state->light_type) || is_exactly(body, state->task_type)) {
            BUDGET(body) += 1;
        }
    }
    PyObject *args[] = {self->server, self->request, self->timeout};
    return go_on_with(self,
                      PyObject_Vectorcall(self->function->fallback, args,
                                          self->timeout == NULL ? 2 : 3, NULL),
                      IN_PYTHON, result);
}

/* How long to wait; a new reference.  */
static PyObject *
timeout_of(Calling *self)
{
    if (self->timeout != NULL) {
        return Py_NewRef(self->timeout);
    }
    PyObject *defaults = PyObject_GetAttrString(self->function->fallback, "__defaults__");
    PyObject *timeout = defaults == NULL ? NULL : PySequence_GetItem(defaults, 0);
    Py_XDECREF(defaults);
    return timeout;
}

/* Wait for the answer, which was not given in place, or find out that the caller has ended.  */
static PySendResult
wait_for_answer(Calling *self, PyObject *target, PyObject *caller, PyObject **result)
{
    State *state = self->state;
    PyObject *context = PyTuple_Pack(3, state->str_call, self->server, self->request);
    PyObject *timeout = context == NULL ? NULL : timeout_of(self);
    PyObject *waiting = NULL;
    if (timeout != NULL) {
        waiting = PyObject_CallFunctionObjArgs(state->wait_after_delivery, self->process, target,
                                               caller, timeout, context, NULL);
    }
    Py_XDECREF(timeout);
    Py_XDECREF(context);
    return go_on_with(self, waiting, WAITING, result);
}

/* Deliver the request. An answer in place is the usual end.  */
static PySendResult
deliver(Calling *self, PyObject **result)
{
    State *state = self->state;
    PyObject *target = receiver_of(state, self->server);
    PyObject *pid = SLOT(self->process, state->process_pid);
    if (target == NULL || target == self->process || PyList_GET_SIZE(state->travellers) != 0
        || pid == NULL) {
        Py_XDECREF(target);
        return PyErr_Occurred() ? failed(self) : begin_in_python(self, result);
    }
    self->phase = DELIVERING;
    PyObject *caller = deliver_request(state, target, pid, self->request);
    if (caller == NULL) {
        Py_DECREF(target);
        return failed(self);
    }
    PyObject *answer = SLOT(caller, state->caller_answer);
    PySendResult outcome = PYGEN_RETURN;
    if (answer == NULL || answer == state->pending || answer == state->by_alias
        || SLOT(self->process, state->process_ending) != Py_False) {
        outcome = wait_for_answer(self, target, caller, result);
    }
    else {
        *result = Py_NewRef(answer);
        finish(self);
    }
    Py_DECREF(caller);
    Py_DECREF(target);
    return outcome;
}

/* Whether the arguments and `process` are those of the plain case.  */
static int
is_plain(Calling *self, PyObject *process)
{
    State *state = self->state;
    if (!is_process(state, process) || SLOT(process, state->process_ending) != Py_False) {
        return 0;
    }
    PyObject *body = SLOT(process, state->process_body);
    return (is_exactly(body, state->light_type) || is_exactly(body, state->task_type))
           && BUDGET(body) - FLOOR(body) > 1;
}

/* Whether the time-out needs no check by the Python.  */
static int
is_plain_timeout(PyObject *timeout)
{
    return timeout == NULL || (PyFloat_CheckExact(timeout) && PyFloat_AS_DOUBLE(timeout) >= 0);
}

/* The first step.  */
static PySendResult
begin(Calling *self, PyObject **result)
{
    State *state = self->state;
    if (!is_exactly(self->server, state->pid_type) || !is_plain_timeout(self->timeout)) {
        return begin_in_python(self, result);
    }
    PyObject *process = calling_process(state);
    if (process == NULL) {
        self->phase = DELIVERING; /* with the frame of `call` */
        return failed(self);
    }
    if (!is_plain(self, process)) {
        Py_DECREF(process);
        return begin_in_python(self, result);
    }
    self->process = process;
    PyObject *body = SLOT(process, state->process_body);
    BUDGET(body) -= 1;
    if (is_exactly(body, state->light_type)) {
        return deliver(self, result);
    }
    return go_on_with(self, PyObject_CallNoArgs(state->checkpoint_if_cancelled), CHECKING, result);
}

static PySendResult
calling_send(PyObject *op, PyObject *value, PyObject **result)
{
    Calling *self = (Calling *)op;
    PySendResult outcome = PYGEN_ERROR;
    *result = NULL;
    Py_INCREF(op);
    if (self->phase == CALLED) {
        outcome = begin(self, result);
    }
    else if (self->phase == DONE) {
        raise_used();
    }
    else if (self->inner == NULL) {
        raise_executing();
    }
    else {
        outcome = send_to_inner(self, value, result);
    }
    Py_DECREF(op);
    return outcome;
}

/* --- what a coroutine has ---------------------------------------------------------------------- */

static PyObject *
calling_begin_await(PyObject *op)
{
    Phase phase = ((Calling *)op)->phase;
    return await_once(op, phase != CALLED && phase != DONE);
}

/* Throw into `inner`: what it yields, or NULL with what it raises.  */
static PyObject *
throw_on(Calling *self, PyObject *args)
{
    PyObject *result = throw_into(self->state, self->inner, args);
    if (result != NULL) {
        return result;
    }
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) {
        (void)failed(self);
        return NULL;
    }
    if (self->phase != CHECKING) { /* the exception is the answer */
        PyObject *type, *exc, *traceback;
        PyErr_Fetch(&type, &exc, &traceback);
        finish(self);
        PyErr_Restore(type, exc, traceback);
        return NULL;
    }
    PyErr_Clear();
    if (after_inner(self, PYGEN_RETURN, &result) == PYGEN_RETURN) {
        stop_with(&result);
    }
    return result;
}

/* An exception is thrown into the awaiting coroutine.  */
static PyObject *
calling_throw(PyObject *op, PyObject *args)
{
    Calling *self = (Calling *)op;
    PyObject *type, *exc = NULL, *traceback = NULL, *result = NULL;
    if (!PyArg_ParseTuple(args, "O|OO", &type, &exc, &traceback)) {
        return NULL;
    }
    Py_INCREF(op);
    if (self->phase == DONE) {
        raise_used();
    }
    else if (self->phase == DELIVERING) {
        raise_executing();
    }
    else if (self->inner != NULL) {
        result = throw_on(self, args);
    }
    else {
        raise_thrown(type, exc);
        (void)failed(self);
    }
    Py_DECREF(op);
    return result;
}

/* The awaiting coroutine is closed.  */
static PyObject *
calling_close(PyObject *op, PyObject *unused)
{
    Calling *self = (Calling *)op;
    if (self->phase == DELIVERING) {
        raise_executing();
        return NULL;
    }
    Py_INCREF(op);
    int done = self->inner == NULL ? 0 : close_inner(self->state, self->inner);
    if (done < 0) {
        (void)failed(self);
    }
    else {
        finish(self);
    }
    Py_DECREF(op);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
get_name(PyObject *op, void *name)
{
    return PyObject_GetAttrString(((Calling *)op)->function->fallback, name);
}

/* Where the process is: in the frame of `call`, or that of the Python that does all of it.  */
static PyObject *
get_frame(PyObject *op, void *closure)
{
    Calling *self = (Calling *)op;
    if (has_frame(self)) {
        return (PyObject *)frame_of(self->function);
    }
    return self->inner == NULL ? Py_NewRef(Py_None)
                               : PyObject_GetAttr(self->inner, self->state->str_cr_frame);
}

static PyObject *
get_await(PyObject *op, void *closure)
{
    Calling *self = (Calling *)op;
    if (self->inner == NULL) {
        return Py_NewRef(Py_None);
    }
    return has_frame(self) ? Py_NewRef(self->inner)
                           : PyObject_GetAttr(self->inner, self->state->str_cr_await);
}

static PyGetSetDef calling_getset[] = {
    {"__name__", get_name, NULL, NULL, "__name__"},
    {"__qualname__", get_name, NULL, NULL, "__qualname__"},
    {"cr_await", get_await, NULL, NULL, NULL},
    {"cr_frame", get_frame, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef calling_methods[] = {
    {"close", calling_close, METH_NOARGS, NULL},
    {"send", awaitable_send, METH_O, NULL},
    {"throw", calling_throw, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot calling_slots[] = {
    {Py_am_await, calling_begin_await},
    {Py_am_send, calling_send},
    {Py_tp_clear, calling_clear},
    {Py_tp_dealloc, calling_dealloc},
    {Py_tp_finalize, calling_finalize},
    {Py_tp_getset, calling_getset},
    {Py_tp_iter, return_itself},
    {Py_tp_iternext, awaitable_next},
    {Py_tp_methods, calling_methods},
    {Py_tp_traverse, calling_traverse},
    {0, NULL},
};

PyType_Spec calling_spec = {
    .name = "actorsock._native._core.Calling",
    .basicsize = sizeof(Calling),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = calling_slots,
};

/* --- the twin ---------------------------------------------------------------------------------- */

/* call(server, request, timeout=5.0) */
static PyObject *
call(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    Py_ssize_t given = PyVectorcall_NARGS(nargsf);
    if (otp_prepare(state) < 0) {
        return NULL;
    }
    if (kwnames != NULL) {
        if (given != 2 || PyTuple_GET_SIZE(kwnames) != 1
            || PyTuple_GET_ITEM(kwnames, 0) != state->str_timeout) {
            return twin_fall_back(self, args, nargsf, kwnames);
        }
        given = 3;
    }
    else if (given != 2 && given != 3) {
        return twin_fall_back(self, args, nargsf, kwnames);
    }
    Calling *calling = (Calling *)new_awaitable(state->calling_type, &state->spare_calling);
    if (calling != NULL) {
        calling->state = state;
        calling->function = (Twin *)Py_NewRef(op);
        calling->server = Py_NewRef(args[0]);
        calling->request = Py_NewRef(args[1]);
        calling->timeout = given == 2 ? NULL : Py_NewRef(args[2]);
        calling->process = calling->inner = NULL;
        calling->phase = CALLED;
    }
    return (PyObject *)calling;
}

const TwinEntry CALLING_TWINS[] = {
    {"actorsock.otp.calls.calling.call", call},
    {NULL, NULL},
};
