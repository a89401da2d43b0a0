/* Calling: the twin of `otp.call`.

   The Python is a coroutine. The twin returns a `Calling`, which is awaited in the same way, and like a
   coroutine does nothing before. A light process delivers the request in the first step; a task awaits
   trio's look for a cancellation (`inner`) first. If the server has answered in place, that is the end.
   If not, a coroutine of the Python waits for the answer (`inner` again), to which everything is passed
   on. What is not plain (a name instead of a pid, a server that is not there, values that travel) is
   left to the coroutine of `call` itself.  */

#include "../awaitable.h"

typedef struct {
    AWAITABLE_HEAD
    PyObject *server, *request;
    PyObject *timeout; /* NULL: as `call` has it */
} Calling;

/* Have the Python do all of it. What the process has paid, it pays there again.  */
static PySendResult
begin_in_python(Calling *self, PyObject **result)
{
    State *state = self->function->state;
    if (self->process != NULL) {
        PyObject *body = SLOT(self->process, state->process_body);
        if (is_exactly(body, state->light_type) || is_exactly(body, state->task_type)) {
            BUDGET(body) += 1;
        }
    }
    PyObject *args[] = {self->server, self->request, self->timeout};
    return go_on_in((Awaitable *)self,
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
    State *state = self->function->state;
    PyObject *context = PyTuple_Pack(3, state->str_call, self->server, self->request);
    PyObject *timeout = context == NULL ? NULL : timeout_of(self);
    PyObject *waiting = NULL;
    if (timeout != NULL) {
        waiting = PyObject_CallFunctionObjArgs(state->wait_after_delivery, self->process, target,
                                               caller, timeout, context, NULL);
    }
    Py_XDECREF(timeout);
    Py_XDECREF(context);
    return go_on_in((Awaitable *)self, waiting, PASSED_ON, result);
}

/* Deliver the request. An answer in place is the usual end.  */
static PySendResult
deliver(Calling *self, PyObject **result)
{
    State *state = self->function->state;
    PyObject *target = receiver_of(state, self->server);
    PyObject *pid = SLOT(self->process, state->process_pid);
    if (target == NULL || target == self->process || PyList_GET_SIZE(state->travellers) != 0
        || pid == NULL) {
        Py_XDECREF(target);
        return PyErr_Occurred() ? PYGEN_ERROR : begin_in_python(self, result);
    }
    PyObject *caller = deliver_request(state, target, pid, self->request);
    if (caller == NULL) {
        Py_DECREF(target);
        return PYGEN_ERROR;
    }
    PyObject *answer = SLOT(caller, state->caller_answer);
    PySendResult outcome = PYGEN_RETURN;
    if (answer == NULL || answer == state->pending || answer == state->by_alias
        || SLOT(self->process, state->process_ending) != Py_False) {
        outcome = wait_for_answer(self, target, caller, result);
    }
    else {
        *result = Py_NewRef(answer);
    }
    Py_DECREF(caller);
    Py_DECREF(target);
    return outcome;
}

/* Whether the arguments and `process` are those of the plain case.  */
static int
is_plain(Calling *self, PyObject *process)
{
    State *state = self->function->state;
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

static PySendResult
begin(Awaitable *op, PyObject **result)
{
    Calling *self = (Calling *)op;
    State *state = self->function->state;
    if (!is_exactly(self->server, state->pid_type) || !is_plain_timeout(self->timeout)) {
        return begin_in_python(self, result);
    }
    PyObject *process = calling_process(state);
    if (process == NULL) {
        return PYGEN_ERROR;
    }
    if (!is_plain(self, process)) {
        Py_DECREF(process);
        return begin_in_python(self, result);
    }
    self->process = process;
    PyObject *body = SLOT(process, state->process_body);
    BUDGET(body) -= 1;
    return is_exactly(body, state->light_type) ? deliver(self, result)
                                               : check_cancelled(op, result);
}

/* trio has found the task not cancelled.  */
static PySendResult
go_on(Awaitable *op, PyObject *value, PyObject **result)
{
    Py_XDECREF(value);
    return deliver((Calling *)op, result);
}

/* --- the type ---------------------------------------------------------------------------------- */

static const Steps CALLING = {begin, go_on, NULL, offsetof(State, calling_type),
                              offsetof(State, spare_calling)};

PyType_Spec calling_spec = {
    .name = "actorsock._native._core.Calling",
    .basicsize = sizeof(Awaitable),
    .flags = AWAITABLE_FLAGS,
    .slots = AWAITABLE_SLOTS,
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
    Calling *calling = (Calling *)new_awaitable(&CALLING, self);
    if (calling != NULL) {
        calling->server = Py_NewRef(args[0]);
        calling->request = Py_NewRef(args[1]);
        calling->timeout = given == 2 ? NULL : Py_NewRef(args[2]);
    }
    return (PyObject *)calling;
}

const TwinEntry CALLING_TWINS[] = {
    {"actorsock.otp.calls.calling.call", call},
    {NULL, NULL},
};
