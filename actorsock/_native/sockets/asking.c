/* Asking a socket: the twins of `blocking` and `nowait_receive`.

   `blocking` is a coroutine. Its twin returns an awaitable, an `Asked`, which is awaited in the same
   way. For a light process it makes the first attempt at once; in a task it awaits trio's own
   coroutines (`inner`): first the one that honours a cancellation, and in a wait the one that
   suspends the task. It ends with the result, or with what the process is woken with. Whatever else
   wakes the process is left to a coroutine of the Python, to which the awaitable passes everything
   on from then.  */

#include "asking.h"

/* --- one attempt ------------------------------------------------------------------------------- */

Kind
kind_of_recv(State *state)
{
    return (Kind){1, 1, state->str_recv, state->str_recv};
}

Kind
kind_of_send(State *state)
{
    return (Kind){0, 1, state->str_send, state->str_send};
}

int
kind_of(State *state, PyObject *op, Kind *kind)
{
    if (is_exactly(op, state->what_is_there_type)) {
        *kind = kind_of_recv(state);
        return 1;
    }
    if (is_exactly(op, state->recvfrom_type)) {
        *kind = (Kind){1, 0, state->str_recv, state->str_recvfrom};
        return 1;
    }
    if (is_exactly(op, state->send_type)) {
        *kind = (Kind){0, 1, state->str_send, SLOT(op, state->send_tag)};
        return kind->tag != NULL;
    }
    return 0;
}

PyObject *
actor_of(State *state, PyObject *sock)
{
    return is_exactly(sock, state->socket_type) ? SLOT(sock, state->socket__actor) : NULL;
}

int
is_zero(PyObject *length)
{
    return PyLong_CheckExact(length) && PyObject_Not(length) == 1;
}

int
is_empty(PyObject *flags)
{
    return PyTuple_CheckExact(flags) && PyTuple_GET_SIZE(flags) == 0;
}

/* op.attempt(actor, ...): 1 with a result, which may be None; 0 not plain; -1.  */
int
attempt_of(State *state, PyObject *op, PyObject *actor, PyObject **result)
{
    if (is_exactly(op, state->what_is_there_type)) {
        return attempt_plainly(state, actor, result);
    }
    if (is_exactly(op, state->send_type)) {
        return send_plainly(state, op, actor, result);
    }
    return is_exactly(op, state->recvfrom_type) ? recvfrom_plainly(state, op, actor, result) : 0;
}

static int
has_no_queue(State *state, PyObject *lane)
{
    PyObject *queue = SLOT(lane, state->lane_queue);
    return queue != NULL && (PyTuple_CheckExact(queue) || is_exactly(queue, state->deque_type))
           && Py_SIZE(queue) == 0;
}

PyObject *
open_lane(State *state, PyObject *actor, const Kind *kind)
{
    if (!is_exactly(actor, state->actor_type)
        || SLOT(actor, state->actor_observed) != Py_False) {
        return NULL;
    }
    PyObject *turns = SLOT(actor, state->actor_turns);
    if (!is_exactly(turns, state->turns_type) || SLOT(turns, state->turns_closed) != Py_False) {
        return NULL;
    }
    PyObject *lane = SLOT(turns, kind->reads ? state->turns_read : state->turns_write);
    return is_exactly(lane, state->lane_type) && has_no_queue(state, lane) ? lane : NULL;
}

void
end_turn(State *state, PyObject *lane)
{
    slot_set(lane, state->lane_current, Py_NewRef(Py_None));
    slot_set(lane, state->lane_selected, Py_NewRef(Py_False));
}

int
can_pay(State *state, PyObject *body)
{
    return BUDGET(body) - FLOOR(body) > state->system_call;
}

void
pay(State *state, PyObject *body)
{
    BUDGET(body) -= state->system_call;
}

/* Readiness.reads_would_block() */
static int
reads_would_block(State *state, PyObject *actor)
{
    PyObject *unread = SLOT(actor, state->actor_unread);
    return SLOT(actor, state->actor_read_would_block) == Py_True && unread != NULL
           && PyBytes_CheckExact(unread) && PyBytes_GET_SIZE(unread) == 0
           && SLOT(actor, state->actor_has_low_water_mark) == Py_False;
}

/* --- waiting ----------------------------------------------------------------------------------- */

typedef enum { FINISHED, ALL_SENT, BEGUN, CHECKING, WAITING, PASSED_ON, DONE } Phase;

typedef struct {
    PyObject_HEAD
    State *state;
    PyObject *actor, *op, *lane, *process;
    PyObject *inner; /* the result when FINISHED or ALL_SENT, else the coroutine that is awaited, or NULL */
    Phase phase;
} Asked;

static int
asked_traverse(PyObject *op, visitproc visit, void *arg)
{
    Asked *self = (Asked *)op;
    Py_VISIT(Py_TYPE(op));
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
    Py_CLEAR(self->actor);
    Py_CLEAR(self->op);
    Py_CLEAR(self->lane);
    Py_CLEAR(self->process);
    Py_CLEAR(self->inner);
    return 0;
}

static void
asked_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)asked_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
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

/* Operation.continues_in_actor(): whether the actor may make the further attempts. What it has taken
   for a process that ends meanwhile goes back, and only the bytes of a stream can.  */
static int
continues_in_actor(State *state, PyObject *actor, const Kind *kind)
{
    PyObject *socket_kind = SLOT(actor, state->actor_kind);
    return kind->continues
           && (!kind->reads
               || (is_exactly(socket_kind, state->kind_type)
                   && SLOT(socket_kind, state->kind_is_stream) == Py_True));
}

/* Make the process the current user of the lane, watched by the poller: 0 or -1.  */
static int
join_lane(State *state, PyObject *actor, PyObject *op, PyObject *lane, PyObject *pid,
          const Kind *kind)
{
    PyObject *user = new_instance(state->user_type);
    if (user == NULL) {
        return -1;
    }
    SLOT(user, state->user_pid) = Py_NewRef(pid);
    SLOT(user, state->user_activity) = Py_NewRef(kind->activity);
    SLOT(user, state->user_handle) = Py_NewRef(Py_None);
    SLOT(user, state->user_tag) = Py_NewRef(kind->tag);
    SLOT(user, state->user_op)
        = Py_NewRef(continues_in_actor(state, actor, kind) ? op : Py_None);
    slot_set(lane, state->lane_selected, Py_NewRef(Py_False));
    slot_set(lane, state->lane_ever_waited, Py_NewRef(Py_True));
    slot_set(lane, state->lane_current, user);
    PyObject *would_block = SLOT(
        actor, kind->reads ? state->actor_read_would_block : state->actor_write_would_block);
    if (would_block == Py_True || SLOT(actor, state->actor_watched) == Py_True) {
        return 0;
    }
    PyObject *name = Py_XNewRef(SLOT(lane, state->lane_name));
    int done = name == NULL ? -1
                            : done_with(PyObject_CallMethodOneArg(
                                  actor, state->str_ensure_watched, name));
    if (done < 0) {
        if (name == NULL) {
            PyErr_SetString(PyExc_AttributeError, "a lane without a name");
        }
        PyObject *type, *exc, *traceback;
        PyErr_Fetch(&type, &exc, &traceback);
        end_turn(state, lane); /* there is no queue */
        PyErr_Restore(type, exc, traceback);
    }
    Py_XDECREF(name);
    return done;
}

/* Send `value` into the coroutine that is awaited, and end with it.  */
static PySendResult
pass_on(Asked *self, PyObject *value, PyObject **result)
{
    PyObject *inner = Py_NewRef(self->inner);
    PySendResult outcome = PyIter_Send(inner, value, result);
    Py_DECREF(inner);
    if (outcome != PYGEN_NEXT) {
        (void)asked_clear((PyObject *)self);
    }
    return outcome;
}

/* Go on with the coroutine of the Python: with the first attempt, or with what has woken the process,
   which is left in the body.  */
static PySendResult
leave_to_python(Asked *self, int woken, PyObject **result)
{
    State *state = self->state;
    PyObject *rest = PyObject_CallFunctionObjArgs(state->ask, self->actor, self->op, self->process,
                                                  state->inf, woken ? Py_True : Py_False,
                                                  NULL);
    if (rest == NULL) {
        return PYGEN_ERROR;
    }
    Py_XSETREF(self->inner, rest);
    self->phase = PASSED_ON;
    return pass_on(self, Py_None, result);
}

static PySendResult after_inner(Asked *self, PySendResult outcome, PyObject *yielded,
                                PyObject **result);

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
    PyObject *inner = Py_NewRef(self->inner), *yielded = NULL;
    PySendResult outcome = PyIter_Send(inner, Py_None, &yielded);
    Py_DECREF(inner);
    return after_inner(self, outcome, yielded, result);
}

/* A process that was selected has found nothing.  */
static PySendResult
wait_again(Asked *self, PyObject *body, PyObject **result)
{
    State *state = self->state;
    Kind kind;
    PyObject *pid = Py_XNewRef(SLOT(self->process, state->process_pid));
    int done = -1;
    if (pid != NULL && kind_of(state, self->op, &kind)) {
        done = join_lane(state, self->actor, self->op, self->lane, pid, &kind);
    }
    Py_XDECREF(pid);
    return done < 0 ? PYGEN_ERROR : begin_wait(self, body, result);
}

static PySendResult
end_wait(Asked *self, PyObject *body, PyObject **result)
{
    State *state = self->state;
    PyObject *outcome = SLOT(body, state->body_outcome);
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
            return wait_again(self, body, result);
        }
    }
    else {
        return leave_to_python(self, 1, result);
    }
    slot_set(body, state->body_outcome, Py_NewRef(Py_None));
    end_turn(state, self->lane);
    (void)asked_clear((PyObject *)self);
    return PYGEN_RETURN;
}

/* The first attempt in a task, whose cancellation has been honoured; meanwhile others may have run.  */
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
    if (!kind.reads || !reads_would_block(state, self->actor)) {
        int done = attempt_of(state, self->op, self->actor, result);
        if (done <= 0) {
            return done < 0 ? PYGEN_ERROR : leave_to_python(self, 0, result);
        }
        if (*result != Py_None) {
            (void)asked_clear((PyObject *)self);
            return PYGEN_RETURN;
        }
        Py_CLEAR(*result);
    }
    return wait_again(self, body, result);
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
    outcome = self->phase == CHECKING ? attempt_in_task(self, body, result)
                                      : end_wait(self, body, result);
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
    PyObject *body = body_of(self);
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

static int
awaits_inner(Asked *self)
{
    return self->inner != NULL && self->phase != FINISHED && self->phase != ALL_SENT;
}

/* After a step: an exception ends the call.  */
static PySendResult
after_step(Asked *self, PySendResult outcome)
{
    if (outcome == PYGEN_ERROR) {
        if (self->phase == WAITING || self->phase == BEGUN) {
            unwind(self);
        }
        else if (self->phase != ALL_SENT) {
            PyObject *type, *exc, *traceback;
            PyErr_Fetch(&type, &exc, &traceback);
            (void)asked_clear((PyObject *)self);
            PyErr_Restore(type, exc, traceback);
        }
    }
    return outcome;
}

static PySendResult
asked_send(PyObject *op, PyObject *value, PyObject **result)
{
    Asked *self = (Asked *)op;
    *result = NULL;
    if (self->phase == DONE) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
    if (self->phase == ALL_SENT) {
        *result = Py_NewRef(self->inner);
        return PYGEN_RETURN;
    }
    if (self->phase == FINISHED) {
        *result = Py_NewRef(self->inner);
        (void)asked_clear(op);
        return PYGEN_RETURN;
    }
    if (self->phase == PASSED_ON) {
        return pass_on(self, value, result);
    }
    Py_INCREF(op);
    PySendResult outcome = PYGEN_ERROR;
    if (self->inner != NULL) {
        PyObject *inner = Py_NewRef(self->inner), *yielded = NULL;
        outcome = PyIter_Send(inner, value, &yielded);
        Py_DECREF(inner);
        outcome = after_inner(self, outcome, yielded, result);
    }
    else {
        PyObject *body = body_of(self);
        if (body != NULL) {
            outcome = self->phase == BEGUN ? begin_wait(self, body, result)
                                           : end_wait(self, body, result);
            Py_DECREF(body);
        }
    }
    outcome = after_step(self, outcome);
    Py_DECREF(op);
    return outcome;
}

/* `send` of a coroutine, which the interpreter calls when it is traced.  */
static PyObject *
asked_send_method(PyObject *op, PyObject *value)
{
    PyObject *result;
    if (asked_send(op, value, &result) == PYGEN_RETURN) {
        stop_with(&result);
    }
    return result;
}

static PyObject *
asked_next(PyObject *op)
{
    return asked_send_method(op, Py_None);
}

/* Throw into `inner`, as far as that is awaited.  */
static PyObject *
throw_into_inner(Asked *self, PyObject *args)
{
    PyObject *inner = Py_NewRef(self->inner), *result = NULL;
    PyObject *method = PyObject_GetAttr(inner, self->state->str_throw);
    PyObject *yielded = method == NULL ? NULL : PyObject_CallObject(method, args);
    Py_XDECREF(method);
    Py_DECREF(inner);
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
asked_throw(PyObject *op, PyObject *args)
{
    Asked *self = (Asked *)op;
    PyObject *type, *exc = NULL, *traceback = NULL, *result = NULL;
    if (!PyArg_ParseTuple(args, "O|OO", &type, &exc, &traceback)) {
        return NULL;
    }
    Py_INCREF(op);
    if (awaits_inner(self)) {
        result = throw_into_inner(self, args);
    }
    else {
        if (PyExceptionInstance_Check(type)) {
            PyErr_SetObject(PyExceptionInstance_Class(type), type);
        }
        else {
            PyErr_SetObject(type, exc);
        }
        (void)after_step(self, PYGEN_ERROR);
    }
    Py_DECREF(op);
    return result;
}

/* The awaiting coroutine is closed.  */
static PyObject *
asked_close(PyObject *op, PyObject *unused)
{
    Asked *self = (Asked *)op;
    int done = 0;
    Py_INCREF(op);
    if (awaits_inner(self)) {
        PyObject *inner = Py_NewRef(self->inner);
        done = done_with(PyObject_CallMethodNoArgs(inner, self->state->str_close));
        Py_DECREF(inner);
    }
    if (done == 0 && (self->phase == WAITING || self->phase == BEGUN)) {
        PyObject *exc = PyObject_CallNoArgs(PyExc_GeneratorExit);
        done = exc == NULL ? -1 : abandon(self, exc);
        Py_XDECREF(exc);
    }
    if (self->phase != ALL_SENT) {
        (void)asked_clear(op);
    }
    Py_DECREF(op);
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* What is asked of a coroutine to show where it waits: that is `inner`.  */
static PyObject *
asked_shown(PyObject *op, PyObject *name)
{
    Asked *self = (Asked *)op;
    if (!awaits_inner(self)) {
        PyErr_SetObject(PyExc_AttributeError, name);
        return NULL;
    }
    return PyObject_GetAttr(self->inner, name);
}

static PyObject *
asked_frame(PyObject *op, void *closure)
{
    return asked_shown(op, ((Asked *)op)->state->str_cr_frame);
}

static PyObject *
asked_await(PyObject *op, void *closure)
{
    return asked_shown(op, ((Asked *)op)->state->str_cr_await);
}

static PyGetSetDef asked_getset[] = {
    {"cr_await", asked_await, NULL, NULL, NULL},
    {"cr_frame", asked_frame, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef asked_methods[] = {
    {"close", asked_close, METH_NOARGS, NULL},
    {"send", asked_send_method, METH_O, NULL},
    {"throw", asked_throw, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot asked_slots[] = {
    {Py_am_await, return_itself},
    {Py_am_send, asked_send},
    {Py_tp_clear, asked_clear},
    {Py_tp_dealloc, asked_dealloc},
    {Py_tp_getset, asked_getset},
    {Py_tp_iter, return_itself},
    {Py_tp_iternext, asked_next},
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

/* --- blocking ---------------------------------------------------------------------------------- */

static Asked *
new_asked(State *state, PyObject *actor, PyObject *op, PyObject *lane, PyObject *process)
{
    Asked *asked = (Asked *)new_instance(state->asked_type);
    if (asked != NULL) {
        asked->state = state;
        asked->actor = Py_NewRef(actor);
        asked->op = Py_NewRef(op);
        asked->lane = Py_NewRef(lane);
        asked->process = Py_NewRef(process);
        asked->inner = NULL;
        asked->phase = BEGUN;
    }
    return asked;
}

/* Make the first attempt for `process`: 1, 0 or -1. `*result` is the awaitable.  */
static int
ask_for(State *state, PyObject *process, PyObject *actor, PyObject *op, PyObject **result)
{
    Kind kind;
    PyObject *body = SLOT(process, state->process_body);
    if (!kind_of(state, op, &kind)) {
        return 0;
    }
    PyObject *lane = open_lane(state, actor, &kind);
    if (lane == NULL || SLOT(lane, state->lane_current) != Py_None
        || !is_exactly(body, state->light_type)
        || SLOT(process, state->process_ending) != Py_False || !can_pay(state, body)) {
        return 0;
    }
    Asked *asked = new_asked(state, actor, op, lane, process);
    if (asked == NULL) {
        return -1;
    }
    Py_INCREF(body);
    int done = 1;
    if (kind.reads && reads_would_block(state, actor)) {
        asked->inner = Py_NewRef(Py_None);
    }
    else {
        done = attempt_of(state, op, actor, &asked->inner);
    }
    if (done > 0) {
        pay(state, body);
        if (asked->inner != Py_None) {
            asked->phase = FINISHED;
        }
        else {
            Py_CLEAR(asked->inner);
            PyObject *pid = Py_NewRef(SLOT(process, state->process_pid));
            done = join_lane(state, actor, op, asked->lane, pid, &kind) < 0 ? -1 : 1;
            Py_DECREF(pid);
        }
    }
    if (done <= 0) {
        asked->phase = DONE;
        Py_CLEAR(asked);
    }
    Py_DECREF(body);
    *result = (PyObject *)asked;
    return done;
}

/* The same in a task: nothing is asked before the awaitable is awaited.  */
static int
ask_in_task(State *state, PyObject *process, PyObject *actor, PyObject *op, PyObject **result)
{
    Kind kind;
    PyObject *body = SLOT(process, state->process_body);
    if (!is_exactly(body, state->task_type) || !kind_of(state, op, &kind)) {
        return 0;
    }
    PyObject *lane = open_lane(state, actor, &kind);
    if (lane == NULL || SLOT(lane, state->lane_current) != Py_None || !can_pay(state, body)) {
        return 0;
    }
    Asked *asked = new_asked(state, actor, op, lane, process);
    if (asked == NULL) {
        return -1;
    }
    asked->phase = CHECKING;
    pay(state, body);
    asked->inner = PyObject_CallNoArgs(state->checkpoint_if_cancelled);
    if (asked->inner == NULL) {
        Py_DECREF(asked);
        return -1;
    }
    *result = (PyObject *)asked;
    return 1;
}

/* Ask for `op` as the calling process: 1 with the awaitable, 0 or -1.  */
static int
ask_plainly(State *state, PyObject *process, PyObject *actor, PyObject *op, PyObject **result)
{
    if (!is_process(state, process) || SLOT(process, state->process_ending) != Py_False) {
        return 0;
    }
    return is_exactly(SLOT(process, state->process_body), state->light_type)
               ? ask_for(state, process, actor, op, result)
               : ask_in_task(state, process, actor, op, result);
}

/* blocking(actor, op, timeout, cost) */
static PyObject *
blocking(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 3 && kwnames == NULL && args[2] == state->inf) {
        PyObject *process = calling_process(state), *result = NULL;
        if (process == NULL) {
            return NULL;
        }
        int done = ask_plainly(state, process, args[0], args[1], &result);
        Py_DECREF(process);
        if (done != 0) {
            return result;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* _receiving(sock, length, flags, timeout) */
static PyObject *
receiving(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 4 && kwnames == NULL && args[3] == state->inf
        && is_zero(args[1]) && is_empty(args[2])) {
        PyObject *actor = actor_of(state, args[0]), *result = NULL;
        PyObject *process = actor == NULL ? NULL : calling_process(state);
        if (process != NULL) {
            int done = ask_plainly(state, process, actor, state->what_is_there, &result);
            Py_DECREF(process);
            if (done != 0) {
                return result;
            }
        }
        else if (actor != NULL) {
            return NULL;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* The awaitable of every send that is complete at once.  */
static PyObject *
all_sent(State *state)
{
    if (state->all_sent == NULL) {
        Asked *asked = (Asked *)new_instance(state->asked_type);
        if (asked == NULL) {
            return NULL;
        }
        asked->state = state;
        asked->phase = ALL_SENT;
        asked->inner = Py_NewRef(state->sent);
        state->all_sent = (PyObject *)asked;
    }
    return Py_NewRef(state->all_sent);
}

/* The first attempt of a send has left something: wait, or end with its result, which is taken over.
   The caller holds all of them.  */
static PyObject *
after_part(State *state, PyObject *process, PyObject *actor, PyObject *op, PyObject *lane,
           PyObject *outcome)
{
    Kind kind = kind_of_send(state);
    Asked *asked = new_asked(state, actor, op, lane, process);
    if (asked == NULL) {
        Py_DECREF(outcome);
        return NULL;
    }
    if (outcome != Py_None) {
        asked->phase = FINISHED;
        asked->inner = outcome;
        return (PyObject *)asked;
    }
    Py_DECREF(outcome);
    PyObject *pid = Py_XNewRef(SLOT(process, state->process_pid));
    if (pid == NULL || join_lane(state, actor, op, lane, pid, &kind) < 0) {
        asked->phase = DONE;
        Py_CLEAR(asked);
    }
    Py_XDECREF(pid);
    return (PyObject *)asked;
}

/* Send `data` as a light process: 1 with the awaitable, 0 or -1.  */
static int
send_for(State *state, PyObject *process, PyObject *actor, PyObject *data, PyObject **result)
{
    Kind kind = kind_of_send(state);
    PyObject *body = SLOT(process, state->process_body);
    PyObject *lane = open_lane(state, actor, &kind);
    if (lane == NULL || SLOT(lane, state->lane_current) != Py_None
        || SLOT(process, state->process_ending) != Py_False || !can_pay(state, body)) {
        return 0;
    }
    PyObject *ready = all_sent(state);
    if (ready == NULL) {
        return -1;
    }
    Py_INCREF(actor);
    Py_INCREF(lane);
    Py_INCREF(body);
    PyObject *op, *outcome = NULL;
    int done = send_first(state, actor, data, &op, &outcome);
    if (done > 0) {
        pay(state, body);
        if (op == NULL) {
            Py_DECREF(outcome);
            *result = Py_NewRef(ready);
        }
        else {
            *result = after_part(state, process, actor, op, lane, outcome);
            done = *result == NULL ? -1 : 1;
            Py_DECREF(op);
        }
    }
    Py_DECREF(body);
    Py_DECREF(lane);
    Py_DECREF(actor);
    Py_DECREF(ready);
    return done;
}

/* The same in a task.  */
static int
send_in_task(State *state, PyObject *process, PyObject *actor, PyObject *data, PyObject **result)
{
    PyObject *op = new_send(state, data);
    if (op == NULL) {
        return -1;
    }
    int done = ask_plainly(state, process, actor, op, result);
    Py_DECREF(op);
    return done;
}

/* _sending(sock, data, flags, timeout) */
static PyObject *
sending(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 4 && kwnames == NULL && args[3] == state->inf
        && PyBytes_CheckExact(args[1]) && is_empty(args[2])) {
        PyObject *actor = actor_of(state, args[0]), *result = NULL;
        PyObject *process = actor == NULL ? NULL : calling_process(state);
        if (process != NULL) {
            int is_light = is_process(state, process)
                           && is_exactly(SLOT(process, state->process_body), state->light_type);
            int done = is_light ? send_for(state, process, actor, args[1], &result)
                                : send_in_task(state, process, actor, args[1], &result);
            Py_DECREF(process);
            if (done != 0) {
                return result;
            }
        }
        else if (actor != NULL) {
            return NULL;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry ASKING_TWINS[] = {
    {"blocking", blocking},
    {"_receiving", receiving},
    {"_sending", sending},
    {NULL, NULL},
};
