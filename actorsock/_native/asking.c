/* Asking a socket: the twins of `blocking` and `nowait_receive`.

   `blocking` is a coroutine. Its twin makes the first attempt at once and returns an awaitable, an
   `Asked`, which is awaited in the same way. It ends with the result, or yields to the runtime once
   and ends with what the process is woken with. Whatever else wakes the process is left to a
   coroutine of the Python, to which the awaitable passes everything on from then.  */

#include "core.h"

/* --- one attempt ------------------------------------------------------------------------------- */

typedef struct {
    int reads;           /* the lane, and the activity: "recv" or "send" */
    int continues;       /* the actor may make the further attempts of a blocking call */
    PyObject *activity;  /* borrowed from the state */
    PyObject *tag;
} Kind;

/* What `op` is: 1, or 0 if the core does not know such operations.  */
static int
kind_of(State *state, PyObject *op, Kind *kind)
{
    kind->reads = 1;
    kind->continues = 1;
    kind->activity = kind->tag = state->str_recv;
    if (is_exactly(op, state->what_is_there_type)) {
        return 1;
    }
    if (is_exactly(op, state->recvfrom_type)) {
        kind->continues = 0;
        kind->tag = state->str_recvfrom;
        return 1;
    }
    if (is_exactly(op, state->send_type)) {
        kind->reads = 0;
        kind->activity = state->str_send;
        kind->tag = SLOT(op, state->send_tag);
        return kind->tag != NULL;
    }
    return 0;
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

/* The lane of an open socket that nobody looks at; borrowed, NULL without an exception otherwise.  */
static PyObject *
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

/* Lane.done() of a lane without a queue.  */
static void
end_turn(State *state, PyObject *lane)
{
    slot_set(lane, state->lane_current, Py_NewRef(Py_None));
    slot_set(lane, state->lane_selected, Py_NewRef(Py_False));
}

PyObject *
charged(State *state, PyObject *body)
{
    long left, budget;
    if (!budget_left(state, body, &left) || left <= state->system_call
        || !slot_long(body, state->light_budget, &budget)) {
        return NULL;
    }
    return PyLong_FromLong(budget - state->system_call);
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

typedef enum { FINISHED, BEGUN, WAITING, PASSED_ON, DONE } Phase;

typedef struct {
    PyObject_HEAD
    State *state;
    PyObject *actor, *op, *lane, *process;
    PyObject *inner; /* the result when FINISHED, the coroutine when PASSED_ON */
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

/* The light body of the process; a new reference, NULL with an exception if it has another one.  */
static PyObject *
body_of(Asked *self)
{
    PyObject *body = SLOT(self->process, self->state->process_body);
    if (!is_exactly(body, self->state->light_type)) {
        PyErr_SetString(PyExc_TypeError, "recv: the process has changed its body");
        return NULL;
    }
    return Py_NewRef(body);
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
    SLOT(user, state->user_op) = Py_NewRef(kind->continues ? op : Py_None);
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

static PySendResult
begin_wait(Asked *self, PyObject *body, PyObject **result)
{
    State *state = self->state;
    slot_set(body, state->light_parked, Py_NewRef(self->actor));
    self->phase = WAITING;
    *result = Py_NewRef(state->pause);
    return PYGEN_NEXT;
}

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

/* Go on with the coroutine of the Python, to which the outcome is left in the body.  */
static PySendResult
leave_to_python(Asked *self, PyObject **result)
{
    self->inner = PyObject_CallFunctionObjArgs(self->state->go_on, self->actor, self->op,
                                               self->process, NULL);
    if (self->inner == NULL) {
        return PYGEN_ERROR;
    }
    self->phase = PASSED_ON;
    return pass_on(self, Py_None, result);
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
    PyObject *outcome = SLOT(body, state->light_outcome);
    if (SLOT(self->process, state->process_ending) != Py_False
        || !has_no_queue(state, self->lane)) {
        return leave_to_python(self, result);
    }
    if (is_exactly(outcome, state->ok_type) || is_exactly(outcome, state->error_type)) {
        *result = Py_NewRef(outcome);
    }
    else if (is_exactly(outcome, state->send_select_type)) {
        /* Selected: the process makes the attempt itself.  */
        int done = attempt_of(state, self->op, self->actor, result);
        if (done <= 0) {
            return done < 0 ? PYGEN_ERROR : leave_to_python(self, result);
        }
        if (*result == Py_None) {
            Py_CLEAR(*result);
            slot_set(body, state->light_outcome, Py_NewRef(Py_None));
            return wait_again(self, body, result);
        }
    }
    else {
        return leave_to_python(self, result);
    }
    slot_set(body, state->light_outcome, Py_NewRef(Py_None));
    end_turn(state, self->lane);
    (void)asked_clear((PyObject *)self);
    return PYGEN_RETURN;
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
        PyObject *outcome = Py_XNewRef(SLOT(body, state->light_outcome));
        PyObject *pid = Py_XNewRef(SLOT(self->process, state->process_pid));
        slot_set(body, state->light_outcome, Py_NewRef(Py_None));
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

static PySendResult
asked_send(PyObject *op, PyObject *value, PyObject **result)
{
    Asked *self = (Asked *)op;
    *result = NULL;
    if (self->phase == DONE) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
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
    PyObject *body = body_of(self);
    if (body != NULL) {
        outcome = self->phase == BEGUN ? begin_wait(self, body, result)
                                     : end_wait(self, body, result);
        Py_DECREF(body);
    }
    if (outcome == PYGEN_ERROR) {
        if ((self->phase == WAITING || self->phase == BEGUN)) {
            unwind(self);
        }
        else {
            (void)asked_clear(op);
        }
    }
    Py_DECREF(op);
    return outcome;
}

static PyObject *
asked_next(PyObject *op)
{
    PyObject *result;
    if (asked_send(op, Py_None, &result) == PYGEN_RETURN) {
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
asked_throw(PyObject *op, PyObject *args)
{
    Asked *self = (Asked *)op;
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
            (void)asked_clear(op);
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
    if ((self->phase == WAITING || self->phase == BEGUN)) {
        unwind(self);
    }
    else {
        (void)asked_clear(op);
    }
    Py_DECREF(op);
    return NULL;
}

/* The awaiting coroutine is closed.  */
static PyObject *
asked_close(PyObject *op, PyObject *unused)
{
    Asked *self = (Asked *)op;
    int done = 0;
    Py_INCREF(op);
    if (self->phase == PASSED_ON) {
        PyObject *inner = Py_NewRef(self->inner);
        done = done_with(PyObject_CallMethodNoArgs(inner, self->state->str_close));
        Py_DECREF(inner);
    }
    else if ((self->phase == WAITING || self->phase == BEGUN)) {
        PyObject *exc = PyObject_CallNoArgs(PyExc_GeneratorExit);
        done = exc == NULL ? -1 : abandon(self, exc);
        Py_XDECREF(exc);
    }
    (void)asked_clear(op);
    Py_DECREF(op);
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef asked_methods[] = {
    {"close", asked_close, METH_NOARGS, NULL},
    {"throw", asked_throw, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot asked_slots[] = {
    {Py_am_await, return_itself},
    {Py_am_send, asked_send},
    {Py_tp_clear, asked_clear},
    {Py_tp_dealloc, asked_dealloc},
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
        || SLOT(process, state->process_ending) != Py_False) {
        return 0;
    }
    PyObject *budget = charged(state, body);
    if (budget == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Asked *asked = new_asked(state, actor, op, lane, process);
    if (asked == NULL) {
        Py_DECREF(budget);
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
        slot_set(body, state->light_budget, Py_NewRef(budget));
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
    Py_DECREF(budget);
    Py_DECREF(body);
    *result = (PyObject *)asked;
    return done;
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
    if (PyVectorcall_NARGS(nargsf) == 3 && kwnames == NULL && args[2] == state->no_timeout) {
        PyObject *process = stepped_process(state);
        if (process != NULL) {
            PyObject *result = NULL;
            int done = ask_for(state, process, args[0], args[1], &result);
            Py_DECREF(process);
            if (done != 0) {
                return result;
            }
        }
        else if (PyErr_Occurred()) {
            return NULL;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* --- without waiting --------------------------------------------------------------------------- */

/* SocketActor.select_for, of an operation that receives, or by the Python.  */
static PyObject *
select_with(State *state, PyObject *actor, PyObject *op, PyObject *pid, PyObject *lane,
            PyObject *handle, const Kind *kind)
{
    if (kind->reads) {
        return select_plainly(state, actor, pid, lane, handle, kind->tag);
    }
    return PyObject_CallMethodObjArgs(actor, state->str_select_for, op, pid, lane, handle, NULL);
}

/* The turn of a process that had waited, or called before, is over.  */
static int
end_turn_with(State *state, PyObject *actor, PyObject *lane, PyObject *result)
{
    if (!is_exactly(result, state->error_type)) {
        end_turn(state, lane);
        return 0;
    }
    PyObject *reason = Py_NewRef(SLOT(result, state->error_reason));
    PyObject *decisions = PyObject_CallMethodOneArg(lane, state->str_failed, reason);
    Py_DECREF(reason);
    if (decisions == NULL) {
        return -1;
    }
    int done = done_with(PyObject_CallMethodOneArg(actor, state->str_carry_out, decisions));
    Py_DECREF(decisions);
    return done;
}

/* The caller and its lane are checked: the result, which may be a `Select`.  */
static int
attempt_without_waiting(State *state, PyObject *actor, PyObject *op, PyObject *pid, PyObject *lane,
                        PyObject *handle, const Kind *kind, PyObject **result)
{
    if (kind->reads && finds_nothing(state, actor) > 0) {
        *result = select_with(state, actor, op, pid, lane, handle, kind);
        return *result == NULL ? -1 : 1;
    }
    int done = attempt_of(state, op, actor, result);
    if (done <= 0) {
        return done;
    }
    if (*result == Py_None) {
        Py_DECREF(*result);
        *result = select_with(state, actor, op, pid, lane, handle, kind);
        return *result == NULL ? -1 : 1;
    }
    if (SLOT(lane, state->lane_current) != Py_None
        && end_turn_with(state, actor, lane, *result) < 0) {
        Py_CLEAR(*result);
        return -1;
    }
    return 1;
}

/* Whether `pid` may try now: the verdict "go".  */
static int
may_go(State *state, PyObject *lane, PyObject *pid, const Kind *kind)
{
    PyObject *current = SLOT(lane, state->lane_current);
    return current == Py_None
           || (is_exactly(current, state->user_type) && SLOT(current, state->user_pid) == pid
               && SLOT(current, state->user_activity) == kind->activity);
}

static int
is_known_body(State *state, PyObject *body)
{
    return is_exactly(body, state->light_type) || is_exactly(body, state->task_type)
           || is_exactly(body, state->handler_type);
}

/* nowait_receive for `process`: 1, 0 or -1.  */
static int
ask_without_waiting(State *state, PyObject *process, PyObject *actor, PyObject *op, PyObject *ref,
                    PyObject **result)
{
    Kind kind;
    PyObject *body = SLOT(process, state->process_body);
    if (!is_exactly(process, state->process_type) || !kind_of(state, op, &kind)
        || !is_known_body(state, body)
        || (ref != Py_None && !is_exactly(ref, state->ref_type))) {
        return 0;
    }
    PyObject *lane = open_lane(state, actor, &kind), *pid = SLOT(process, state->process_pid);
    if (lane == NULL || !may_go(state, lane, pid, &kind)) {
        return 0;
    }
    PyObject *settings = SLOT(actor, state->actor_settings);
    if (!is_exactly(settings, state->settings_type)
        || SLOT(settings, state->settings_select_read) != Py_False) {
        return 0;
    }
    PyObject *budget = charged(state, body);
    PyObject *handle = budget == NULL ? NULL
                       : ref == Py_None ? PyObject_CallNoArgs(state->ref_type)
                                        : Py_NewRef(ref);
    if (handle == NULL) {
        Py_XDECREF(budget);
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_INCREF(lane);
    Py_INCREF(pid);
    Py_INCREF(body);
    int done = attempt_without_waiting(state, actor, op, pid, lane, handle, &kind, result);
    if (done > 0) {
        slot_set(body, state->light_budget, Py_NewRef(budget));
    }
    Py_DECREF(body);
    Py_DECREF(pid);
    Py_DECREF(lane);
    Py_DECREF(handle);
    Py_DECREF(budget);
    return done;
}

/* nowait_receive(actor, op, ref) */
static PyObject *
nowait_receive(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 3 && kwnames == NULL) {
        PyObject *process = stepped_process(state);
        if (process == NULL && !PyErr_Occurred()) {
            process = PyObject_CallNoArgs(state->process_of_task);
        }
        if (process == NULL) {
            return NULL;
        }
        PyObject *result = NULL;
        int done = ask_without_waiting(state, process, args[0], args[1], args[2], &result);
        Py_DECREF(process);
        if (done != 0) {
            return result;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry ASKING_TWINS[] = {
    {"blocking", blocking},
    {"nowait_receive", nowait_receive},
    {NULL, NULL},
};
