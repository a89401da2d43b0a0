/* Asking a socket and waiting for it: the twins of `recv`, `send` and `blocking`.

   These are coroutine functions. Their twins return an awaitable, an `Asked`, which is awaited in the
   same way, and like a coroutine does nothing before. A light process makes the first attempt itself;
   in a task it awaits trio's own coroutines (`inner`): first the one that honours a cancellation,
   and in a wait the one that suspends the task. It ends with the result, or with what the process is
   woken with. Whatever is not plain is left to a coroutine of the Python, to which the awaitable passes
   everything on from then: to that of the function itself as long as nothing has been charged, else to
   `ask`.  */

#include "../awaitable.h"
#include "asking.h"

/* --- the awaitable ----------------------------------------------------------------------------- */

typedef enum {
    CALLED,    /* not awaited yet */
    CHECKING,  /* a task asks trio whether it is cancelled */
    WAITING,
    PASSED_ON, /* a coroutine of the Python does the rest */
    DONE,
} Phase;

typedef enum { RECV, SEND, BLOCKING } Call;

typedef struct {
    PyObject_HEAD
    State *state;
    Twin *function;  /* that was called; NULL once its Python goes on */
    PyObject *actor; /* when CALLED by `recv` or `send`: the socket */
    PyObject *op;    /* the bytes to send, until the first attempt has left some */
    PyObject *lane, *process; /* NULL when CALLED */
    PyObject *inner; /* the coroutine that is awaited, or NULL */
    Phase phase;
    int running; /* it takes a step, and the program must not step it meanwhile */
    Call call;
} Asked;

static int
asked_traverse(PyObject *op, visitproc visit, void *arg)
{
    Asked *self = (Asked *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->function);
    Py_VISIT(self->actor);
    Py_VISIT(self->op);
    Py_VISIT(self->lane);
    Py_VISIT(self->process);
    Py_VISIT(self->inner);
    return 0;
}

static int
asked_clear(PyObject *op)
{
    Asked *self = (Asked *)op;
    self->phase = DONE;
    Py_CLEAR(self->function);
    Py_CLEAR(self->actor);
    Py_CLEAR(self->op);
    Py_CLEAR(self->lane);
    Py_CLEAR(self->process);
    Py_CLEAR(self->inner);
    return 0;
}

static void
asked_finalize(PyObject *op)
{
    Asked *self = (Asked *)op;
    if (self->phase == CALLED) {
        warn_not_awaited(op, self->function);
    }
}

static void
asked_dealloc(PyObject *op)
{
    Asked *self = (Asked *)op;
    if (self->phase == CALLED && PyObject_CallFinalizerFromDealloc(op) < 0) {
        return;
    }
    PyObject_GC_UnTrack(op);
    if (self->phase != DONE) { /* else it refers to nothing any more */
        (void)asked_clear(op);
    }
    free_awaitable(op, &self->state->spare_asked);
}

static PyObject *
new_asked(Twin *function, Call call, PyObject *actor, PyObject *op)
{
    State *state = function->state;
    PyObject *made = new_awaitable(state->asked_type, &state->spare_asked);
    if (made == NULL) {
        return NULL;
    }
    Asked *self = (Asked *)made;
    self->state = state;
    self->function = (Twin *)Py_NewRef((PyObject *)function);
    self->actor = Py_NewRef(actor);
    self->op = Py_XNewRef(op);
    self->phase = CALLED;
    self->running = 0;
    self->call = call;
    return made;
}

/* The body of the process; a new reference, NULL with an exception if it is another one.  */
static PyObject *
body_of(Asked *self)
{
    PyObject *body = SLOT(self->process, self->state->process_body);
    if (!is_exactly(body, self->state->light_type) && !is_exactly(body, self->state->task_type)) {
        PyErr_SetString(PyExc_TypeError, "recv: the process has changed its body");
        return NULL;
    }
    return Py_NewRef(body);
}

/* Send `value` into the coroutine that is awaited, and end with it.  */
static PySendResult
pass_on(Asked *self, PyObject *value, PyObject **result)
{
    PySendResult outcome = send_into(self->inner, value, result);
    if (outcome == PYGEN_RETURN) {
        (void)asked_clear((PyObject *)self);
    }
    return outcome;
}

/* Go on with `rest`, a coroutine of the Python whose reference is taken over.  */
static PySendResult
go_on_with(Asked *self, PyObject *rest, PyObject **result)
{
    if (rest == NULL) {
        return PYGEN_ERROR;
    }
    Py_XSETREF(self->inner, rest);
    self->phase = PASSED_ON;
    return pass_on(self, Py_None, result);
}

/* Make the operation of a send, if the first attempt has not made it: 0 or -1.  */
static int
complete_op(Asked *self)
{
    if (!PyBytes_CheckExact(self->op)) {
        return 0;
    }
    PyObject *op = new_send(self->state, self->op);
    if (op == NULL) {
        return -1;
    }
    Py_SETREF(self->op, op);
    return 0;
}

/* Go on in `ask`: with the first attempt, or with what has woken the process, which is left in the
   body.  */
static PySendResult
leave_to_python(Asked *self, int woken, PyObject **result)
{
    State *state = self->state;
    if (complete_op(self) < 0) {
        return PYGEN_ERROR;
    }
    return go_on_with(self,
                      PyObject_CallFunctionObjArgs(state->ask, self->actor, self->op, self->process,
                                                   state->inf, woken ? Py_True : Py_False, NULL),
                      result);
}

static PySendResult step_inner(Asked *self, PyObject *value, PyObject **result);

static PySendResult
begin_wait(Asked *self, PyObject *body, PyObject **result)
{
    State *state = self->state;
    self->phase = WAITING;
    if (is_exactly(body, state->light_type)) {
        slot_set(body, state->body_parked, Py_NewRef(self->actor));
        *result = Py_NewRef(state->pause);
        return PYGEN_NEXT;
    }
    self->inner = PyObject_GetAttr(body, state->str_waiting);
    if (self->inner == NULL) {
        return PYGEN_ERROR;
    }
    slot_set(body, state->body_parked, Py_NewRef(self->actor));
    return step_inner(self, Py_None, result);
}

/* Become the current user of the lane: an attempt has found nothing. 0 or -1.  */
static int
join(Asked *self, const Kind *kind)
{
    return join_lane(self->state, self->actor, self->op, self->lane, self->process, kind);
}

/* Tell what the socket has answered, if it is observed; None for a wait. 0 or -1.  */
static int
tell_observers(Asked *self, PyObject *result)
{
    State *state = self->state;
    PyObject *pid = Py_XNewRef(SLOT(self->process, state->process_pid));
    int done = pid == NULL ? -1 : observe(state, self->actor, self->op, pid, result);
    Py_XDECREF(pid);
    return done;
}

static inline int
tell(Asked *self, PyObject *result)
{
    return is_unobserved(self->state, self->actor) ? 0 : tell_observers(self, result);
}

static PySendResult
end_wait(Asked *self, PyObject *body, PyObject **result)
{
    State *state = self->state;
    PyObject *outcome = SLOT(body, state->body_outcome);
    Kind kind;
    if (SLOT(self->process, state->process_ending) != Py_False
        || !has_no_queue(state, self->lane)) {
        return leave_to_python(self, 1, result);
    }
    if (is_exactly(outcome, state->ok_type) || is_exactly(outcome, state->error_type)) {
        *result = Py_NewRef(outcome);
    }
    else if (is_exactly(outcome, state->send_select_type)) {
        /* Selected: the process makes the attempt itself.  */
        int done = attempt_of(state, self->op, self->actor, result);
        if (done <= 0) {
            return done < 0 ? PYGEN_ERROR : leave_to_python(self, 1, result);
        }
        if (*result == Py_None) {
            Py_CLEAR(*result);
            slot_set(body, state->body_outcome, Py_NewRef(Py_None));
            return !kind_of(state, self->op, &kind) || join(self, &kind) < 0
                       ? PYGEN_ERROR
                       : begin_wait(self, body, result);
        }
    }
    else {
        return leave_to_python(self, 1, result);
    }
    end_turn(state, self->lane);
    if (tell(self, *result) < 0) {
        Py_CLEAR(*result);
        return PYGEN_ERROR; /* with the outcome still in the body, so that it goes back */
    }
    slot_set(body, state->body_outcome, Py_NewRef(Py_None));
    (void)asked_clear((PyObject *)self);
    return PYGEN_RETURN;
}

/* Operation.attempt(): 1, 0 or -1.  */
static int
attempt(Asked *self, PyObject **result)
{
    State *state = self->state;
    if (!PyBytes_CheckExact(self->op)) {
        return attempt_of(state, self->op, self->actor, result);
    }
    PyObject *op;
    int done = send_first(state, self->actor, self->op, &op, result);
    if (op != NULL) {
        Py_SETREF(self->op, op);
    }
    return done;
}

/* Make the first attempt, for which the process has paid, in a lane without a user.  */
static PySendResult
first_attempt(Asked *self, PyObject *body, const Kind *kind, PyObject **result)
{
    if (!kind->reads || !reads_would_block(self->state, self->actor)) {
        int done = attempt(self, result);
        if (done <= 0) {
            return done < 0 ? PYGEN_ERROR : leave_to_python(self, 0, result);
        }
        if (*result != Py_None) {
            if (tell(self, *result) < 0) {
                /* As if it had been woken with the result, which so goes back.  */
                self->phase = WAITING;
                slot_set(body, self->state->body_outcome, *result);
                *result = NULL;
                return PYGEN_ERROR;
            }
            (void)asked_clear((PyObject *)self);
            return PYGEN_RETURN;
        }
        Py_CLEAR(*result);
    }
    if (join(self, kind) < 0) {
        return PYGEN_ERROR;
    }
    self->phase = WAITING;
    if (tell(self, Py_None) < 0) {
        return PYGEN_ERROR;
    }
    /* Who was told may have closed the socket or ended the process, which nothing would wake then.  */
    if (SLOT(SLOT(self->actor, self->state->actor_turns), self->state->turns_closed) != Py_False) {
        return leave_to_python(self, 0, result);
    }
    if (SLOT(self->process, self->state->process_ending) != Py_False) {
        return leave_to_python(self, 1, result);
    }
    return begin_wait(self, body, result);
}

/* The first attempt in a task that trio has found not cancelled; other processes may have run since.  */
static PySendResult
attempt_in_task(Asked *self, PyObject *body, PyObject **result)
{
    State *state = self->state;
    Kind kind;
    if (!kind_of(state, self->op, &kind) || open_lane(state, self->actor, &kind) != self->lane
        || SLOT(self->lane, state->lane_current) != Py_None
        || SLOT(self->process, state->process_ending) != Py_False) {
        return leave_to_python(self, 0, result);
    }
    return first_attempt(self, body, &kind, result);
}

/* Take the result of a step of `inner`, a coroutine of trio: it has yielded, or the look for a
   cancellation, or the wait, is over.  */
static PySendResult
after_inner(Asked *self, PySendResult outcome, PyObject *yielded, PyObject **result)
{
    *result = yielded;
    if (outcome != PYGEN_RETURN) {
        return outcome;
    }
    *result = NULL;
    Py_XDECREF(yielded);
    Py_CLEAR(self->inner);
    PyObject *body = body_of(self);
    if (body == NULL) {
        return PYGEN_ERROR;
    }
    if (self->phase != CHECKING) {
        has_resumed(self->state, self->process, body);
    }
    outcome = self->phase == CHECKING ? attempt_in_task(self, body, result)
                                      : end_wait(self, body, result);
    Py_DECREF(body);
    return outcome;
}

/* Send `value` into the coroutine of trio that is awaited.  */
static PySendResult
step_inner(Asked *self, PyObject *value, PyObject **result)
{
    PyObject *yielded = NULL;
    PySendResult outcome = send_into(self->inner, value, &yielded);
    return after_inner(self, outcome, yielded, result);
}

/* The request is not plain: call the Python function.  */
static PySendResult
call_python(Asked *self, PyObject **result)
{
    PyObject *args[] = {self->actor, self->op, self->state->inf};
    Twin *function = self->function;
    self->function = NULL;
    PyObject *rest = PyObject_Vectorcall(function->fallback, args, (size_t)self->call + 1, NULL);
    Py_DECREF(function);
    return go_on_with(self, rest, result);
}

/* The lane in which `process` may try at once; borrowed, NULL without an exception otherwise.  */
static PyObject *
lane_for(State *state, PyObject *process, PyObject *actor, const Kind *kind)
{
    if (!is_process(state, process) || SLOT(process, state->process_ending) != Py_False) {
        return NULL;
    }
    PyObject *body = SLOT(process, state->process_body);
    if (!is_exactly(body, state->light_type) && !is_exactly(body, state->task_type)) {
        return NULL;
    }
    PyObject *lane = open_lane(state, actor, kind);
    return lane != NULL && SLOT(lane, state->lane_current) == Py_None && can_pay(state, body)
               ? lane
               : NULL;
}

/* What `op` of the call is: as `kind_of`.  */
static inline int
kind_of_call(Asked *self, PyObject *op, Kind *kind)
{
    if (self->call == BLOCKING) {
        return kind_of(self->state, op, kind);
    }
    *kind = self->call == RECV ? kind_of_recv(self->state) : kind_of_send(self->state);
    return 1;
}

/* The first step of the awaitable.  */
static PySendResult
begin(Asked *self, PyObject **result)
{
    State *state = self->state;
    Kind kind;
    PyObject *process = calling_process(state);
    if (process == NULL) {
        return PYGEN_ERROR;
    }
    PyObject *actor = self->call == BLOCKING ? self->actor : actor_of(state, self->actor);
    PyObject *op = self->call == RECV ? state->what_is_there : self->op;
    PyObject *lane = actor != NULL && kind_of_call(self, op, &kind)
                         ? lane_for(state, process, actor, &kind)
                         : NULL;
    if (lane == NULL) {
        Py_DECREF(process);
        return call_python(self, result);
    }
    self->lane = Py_NewRef(lane);
    self->process = process;
    if (self->call == RECV) {
        self->op = Py_NewRef(op);
    }
    if (self->call != BLOCKING) {
        Py_SETREF(self->actor, Py_NewRef(actor));
    }
    PySendResult outcome;
    PyObject *body = Py_NewRef(SLOT(process, state->process_body));
    self->phase = CHECKING;
    pay(state, body);
    if (is_exactly(body, state->light_type)) {
        outcome = first_attempt(self, body, &kind, result);
    }
    else {
        self->inner = PyObject_CallNoArgs(state->checkpoint_if_cancelled);
        outcome = self->inner == NULL ? PYGEN_ERROR : step_inner(self, Py_None, result);
    }
    Py_DECREF(body);
    return outcome;
}

/* The call unwinds by `exc`: give back what it was woken with. 0, or -1 with another exception.  */
static int
abandon(Asked *self, PyObject *exc)
{
    State *state = self->state;
    PyObject *handled = PyErr_GetHandledException();
    PyErr_SetHandledException(exc);
    int done = -1;
    PyObject *body = complete_op(self) < 0 ? NULL : body_of(self);
    if (body != NULL) {
        PyObject *outcome = Py_XNewRef(SLOT(body, state->body_outcome));
        PyObject *pid = Py_XNewRef(SLOT(self->process, state->process_pid));
        slot_set(body, state->body_outcome, Py_NewRef(Py_None));
        done = done_with(PyObject_CallMethodObjArgs(
            self->actor, state->str_abandon_call, self->op, pid == NULL ? Py_None : pid,
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
unwind(Asked *self)
{
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyErr_NormalizeException(&type, &exc, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(exc, traceback);
    }
    int done = abandon(self, exc);
    (void)asked_clear((PyObject *)self);
    if (done < 0) {
        Py_XDECREF(type);
        Py_XDECREF(exc);
        Py_XDECREF(traceback);
    }
    else {
        PyErr_Restore(type, exc, traceback);
    }
}

/* Whether a frame of the Python function is shown: while the call of a program is under way.  */
static int
has_frame(Asked *self)
{
    return self->function != NULL && self->call != BLOCKING && self->phase != CALLED;
}

/* An exception ends the call.  */
static void
end_by_error(Asked *self)
{
    if (self->phase != DONE) {
        if (has_frame(self) && !PyErr_ExceptionMatches(PyExc_StopIteration)) {
            add_to_traceback(self->function);
        }
        if (self->phase == WAITING) {
            unwind(self);
        }
        else {
            PyObject *type, *exc, *traceback;
            PyErr_Fetch(&type, &exc, &traceback);
            (void)asked_clear((PyObject *)self);
            PyErr_Restore(type, exc, traceback);
        }
    }
}

/* After a step.  */
static inline PySendResult
after_step(Asked *self, PySendResult outcome)
{
    if (outcome == PYGEN_ERROR) {
        end_by_error(self);
    }
    return outcome;
}

/* Begin to step it, as long as it holds itself: 0, or -1 with the error of a coroutine if it runs.  */
static int
begin_step(Asked *self)
{
    if (self->running) {
        raise_executing();
        return -1;
    }
    self->running = 1;
    Py_INCREF(self);
    return 0;
}

static void
end_step(Asked *self)
{
    self->running = 0;
    Py_DECREF(self);
}

static PySendResult
asked_send(PyObject *op, PyObject *value, PyObject **result)
{
    Asked *self = (Asked *)op;
    PySendResult outcome = PYGEN_ERROR;
    *result = NULL;
    if (begin_step(self) < 0) {
        return PYGEN_ERROR;
    }
    switch (self->phase) {
    case DONE:
        raise_used();
        break;
    case CALLED:
        outcome = begin(self, result);
        break;
    case PASSED_ON:
        outcome = pass_on(self, value, result);
        break;
    default:
        if (self->inner != NULL) {
            outcome = step_inner(self, value, result);
        }
        else {
            PyObject *body = body_of(self);
            if (body != NULL) {
                outcome = end_wait(self, body, result);
                Py_DECREF(body);
            }
        }
    }
    outcome = after_step(self, outcome);
    end_step(self);
    return outcome;
}

static PyObject *
asked_begin_await(PyObject *op)
{
    Phase phase = ((Asked *)op)->phase;
    return await_once(op, phase != CALLED && phase != DONE);
}

/* Throw into `inner`, as far as that is awaited.  */
static PyObject *
throw_into_inner(Asked *self, PyObject *args)
{
    PyObject *result = NULL, *yielded = throw_into(self->state, self->inner, args);
    if (self->phase == PASSED_ON) {
        if (yielded == NULL) {
            (void)after_step(self, PYGEN_ERROR);
        }
        return yielded;
    }
    if (yielded != NULL) {
        return yielded;
    }
    PySendResult outcome = PYGEN_ERROR;
    if (PyErr_ExceptionMatches(PyExc_StopIteration)) { /* it has caught the exception */
        PyErr_Clear();
        outcome = after_inner(self, PYGEN_RETURN, NULL, &result);
    }
    outcome = after_step(self, outcome);
    if (outcome == PYGEN_RETURN) {
        stop_with(&result);
    }
    return result;
}

/* An exception is thrown into the awaiting coroutine.  */
static PyObject *
asked_throw(PyObject *op, PyObject *args)
{
    Asked *self = (Asked *)op;
    PyObject *type, *exc = NULL, *traceback = NULL, *result = NULL;
    if (!PyArg_ParseTuple(args, "O|OO", &type, &exc, &traceback) || begin_step(self) < 0) {
        return NULL;
    }
    if (self->inner != NULL) {
        result = throw_into_inner(self, args);
    }
    else {
        raise_thrown(type, exc);
        (void)after_step(self, PYGEN_ERROR);
    }
    end_step(self);
    return result;
}

/* The awaiting coroutine is closed.  */
static PyObject *
asked_close(PyObject *op, PyObject *unused)
{
    Asked *self = (Asked *)op;
    int done = 0;
    if (begin_step(self) < 0) {
        return NULL;
    }
    if (self->inner != NULL) {
        done = close_inner(self->state, self->inner);
    }
    if (done == 0 && self->phase == WAITING) {
        PyObject *exc = PyObject_CallNoArgs(PyExc_GeneratorExit);
        done = exc == NULL ? -1 : abandon(self, exc);
        Py_XDECREF(exc);
    }
    (void)asked_clear(op);
    end_step(self);
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
asked_frame(PyObject *op, void *closure)
{
    Asked *self = (Asked *)op;
    return has_frame(self) ? (PyObject *)frame_of(self->function)
                           : shown_of(self->inner, self->state->str_cr_frame);
}

static PyObject *
asked_await(PyObject *op, void *closure)
{
    Asked *self = (Asked *)op;
    if (has_frame(self)) {
        return Py_NewRef(self->inner == NULL ? Py_None : self->inner);
    }
    return shown_of(self->inner, self->state->str_cr_await);
}

static PyGetSetDef asked_getset[] = {
    {"cr_await", asked_await, NULL, NULL, NULL},
    {"cr_frame", asked_frame, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef asked_methods[] = {
    {"close", asked_close, METH_NOARGS, NULL},
    {"send", awaitable_send, METH_O, NULL},
    {"throw", asked_throw, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot asked_slots[] = {
    {Py_am_await, asked_begin_await},
    {Py_am_send, asked_send},
    {Py_tp_clear, asked_clear},
    {Py_tp_dealloc, asked_dealloc},
    {Py_tp_finalize, asked_finalize},
    {Py_tp_getset, asked_getset},
    {Py_tp_iter, return_itself},
    {Py_tp_iternext, awaitable_next},
    {Py_tp_methods, asked_methods},
    {Py_tp_traverse, asked_traverse},
    {0, NULL},
};

PyType_Spec asked_spec = {
    .name = "actorsock._native._core.Asked",
    .basicsize = sizeof(Asked),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = asked_slots,
};

/* --- the twins --------------------------------------------------------------------------------- */

/* blocking(actor, op, timeout, cost) */
static PyObject *
blocking(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    Kind kind;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 3 && kwnames == NULL && args[2] == state->inf
        && is_exactly(args[0], state->actor_type) && kind_of(state, args[1], &kind)) {
        return new_asked(self, BLOCKING, args[0], args[1]);
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* recv(sock) */
static PyObject *
recv_(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (sockets_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 1 && kwnames == NULL && actor_of(self->state, args[0]) != NULL) {
        return new_asked(self, RECV, args[0], NULL);
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* send(sock, data) */
static PyObject *
send_(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    if (sockets_prepare(self->state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL && PyBytes_CheckExact(args[1])
        && actor_of(self->state, args[0]) != NULL) {
        return new_asked(self, SEND, args[0], args[1]);
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry ASKING_TWINS[] = {
    {"blocking", blocking},
    {"recv", recv_},
    {"actorsock.socket.api.sending.send", send_},
    {NULL, NULL},
};
