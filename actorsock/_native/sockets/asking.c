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

typedef enum { RECV, SEND, BLOCKING } Call; /* its `variant` */

typedef struct {
    AWAITABLE_HEAD
    PyObject *actor; /* when CALLED by `recv` or `send`: the socket */
    PyObject *op;    /* the bytes to send, until the first attempt has left some */
    PyObject *lane;  /* NULL when CALLED */
} Asked;

/* The body of the process; a new reference, NULL with an exception if it is another one.  */
static PyObject *
body_of(Asked *self)
{
    State *state = self->function->state;
    PyObject *body = SLOT(self->process, state->process_body);
    if (!is_exactly(body, state->light_type) && !is_exactly(body, state->task_type)) {
        PyErr_SetString(PyExc_TypeError, "recv: the process has changed its body");
        return NULL;
    }
    return Py_NewRef(body);
}

/* Make the operation of a send, if the first attempt has not made it: 0 or -1.  */
static int
complete_op(Asked *self)
{
    if (!PyBytes_CheckExact(self->op)) {
        return 0;
    }
    PyObject *op = new_send(self->function->state, self->op);
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
    State *state = self->function->state;
    if (complete_op(self) < 0) {
        return PYGEN_ERROR;
    }
    return go_on_in((Awaitable *)self,
                    PyObject_CallFunctionObjArgs(state->ask, self->actor, self->op, self->process,
                                                 state->inf, woken ? Py_True : Py_False, NULL),
                    PASSED_ON, result);
}

static PySendResult
begin_wait(Asked *self, PyObject *body, PyObject **result)
{
    State *state = self->function->state;
    self->phase = WAITING;
    if (is_exactly(body, state->light_type)) {
        slot_set(body, state->body_parked, Py_NewRef(self->actor));
        *result = Py_NewRef(state->pause);
        return PYGEN_NEXT;
    }
    PyObject *waiting = PyObject_GetAttr(body, state->str_waiting);
    if (waiting == NULL) {
        return PYGEN_ERROR;
    }
    slot_set(body, state->body_parked, Py_NewRef(self->actor));
    return go_on_in((Awaitable *)self, waiting, WAITING, result);
}

/* Become the current user of the lane: an attempt has found nothing. 0 or -1.  */
static int
join(Asked *self, const Kind *kind)
{
    return join_lane(self->function->state, self->actor, self->op, self->lane, self->process, kind);
}

/* Tell what the socket has answered, if it is observed; None for a wait. 0 or -1.  */
static int
tell_observers(Asked *self, PyObject *result)
{
    State *state = self->function->state;
    PyObject *pid = Py_XNewRef(SLOT(self->process, state->process_pid));
    int done = pid == NULL ? -1 : observe(state, self->actor, self->op, pid, result);
    Py_XDECREF(pid);
    return done;
}

static inline int
tell(Asked *self, PyObject *result)
{
    return is_unobserved(self->function->state, self->actor) ? 0 : tell_observers(self, result);
}

static PySendResult
end_wait(Asked *self, PyObject *body, PyObject **result)
{
    State *state = self->function->state;
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
    return PYGEN_RETURN;
}

/* Operation.attempt(): 1, 0 or -1.  */
static int
attempt(Asked *self, PyObject **result)
{
    State *state = self->function->state;
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
    State *state = self->function->state;
    if (!kind->reads || !reads_would_block(state, self->actor)) {
        int done = attempt(self, result);
        if (done <= 0) {
            return done < 0 ? PYGEN_ERROR : leave_to_python(self, 0, result);
        }
        if (*result != Py_None) {
            if (tell(self, *result) < 0) {
                /* As if it had been woken with the result, which so goes back.  */
                self->phase = WAITING;
                slot_set(body, state->body_outcome, *result);
                *result = NULL;
                return PYGEN_ERROR;
            }
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
    if (SLOT(SLOT(self->actor, state->actor_turns), state->turns_closed) != Py_False) {
        return leave_to_python(self, 0, result);
    }
    if (SLOT(self->process, state->process_ending) != Py_False) {
        return leave_to_python(self, 1, result);
    }
    return begin_wait(self, body, result);
}

/* The first attempt in a task that trio has found not cancelled; other processes may have run since.  */
static PySendResult
attempt_in_task(Asked *self, PyObject *body, PyObject **result)
{
    State *state = self->function->state;
    Kind kind;
    if (!kind_of(state, self->op, &kind) || open_lane(state, self->actor, &kind) != self->lane
        || SLOT(self->lane, state->lane_current) != Py_None
        || SLOT(self->process, state->process_ending) != Py_False) {
        return leave_to_python(self, 0, result);
    }
    return first_attempt(self, body, &kind, result);
}

/* The look for a cancellation, or the wait, is over.  */
static PySendResult
go_on(Awaitable *op, PyObject *value, PyObject **result)
{
    Asked *self = (Asked *)op;
    PyObject *body = body_of(self);
    if (body == NULL) {
        Py_XDECREF(value);
        return PYGEN_ERROR;
    }
    if (value != NULL) { /* in a task */
        Py_DECREF(value);
        has_resumed(self->function->state, self->process, body);
    }
    PySendResult outcome = self->phase == CHECKING ? attempt_in_task(self, body, result)
                                                   : end_wait(self, body, result);
    Py_DECREF(body);
    return outcome;
}

/* The request is not plain: call the Python function.  */
static PySendResult
call_python(Asked *self, PyObject **result)
{
    PyObject *args[] = {self->actor, self->op, self->function->state->inf};
    return go_on_in((Awaitable *)self,
                    PyObject_Vectorcall(self->function->fallback, args, (size_t)self->variant + 1,
                                        NULL),
                    IN_PYTHON, result);
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
    State *state = self->function->state;
    if (self->variant == BLOCKING) {
        return kind_of(state, op, kind);
    }
    *kind = self->variant == RECV ? kind_of_recv(state) : kind_of_send(state);
    return 1;
}

static PySendResult
begin(Awaitable *awaitable, PyObject **result)
{
    Asked *self = (Asked *)awaitable;
    State *state = self->function->state;
    Kind kind;
    PyObject *process = calling_process(state);
    if (process == NULL) {
        return PYGEN_ERROR;
    }
    PyObject *actor = self->variant == BLOCKING ? self->actor : actor_of(state, self->actor);
    PyObject *op = self->variant == RECV ? state->what_is_there : self->op;
    PyObject *lane = actor != NULL && kind_of_call(self, op, &kind)
                         ? lane_for(state, process, actor, &kind)
                         : NULL;
    if (lane == NULL) {
        Py_DECREF(process);
        return call_python(self, result);
    }
    self->lane = Py_NewRef(lane);
    self->process = process;
    if (self->variant == RECV) {
        self->op = Py_NewRef(op);
    }
    PyObject *body = Py_NewRef(SLOT(process, state->process_body));
    if (self->variant != BLOCKING) {
        Py_SETREF(self->actor, Py_NewRef(actor)); /* may run a finalizer of the program's */
    }
    pay(state, body);
    PySendResult outcome = is_exactly(body, state->light_type)
                               ? first_attempt(self, body, &kind, result)
                               : check_cancelled(awaitable, result);
    Py_DECREF(body);
    return outcome;
}

/* The wait unwinds: give back what the process was woken with.  */
static int
unwind(Awaitable *op)
{
    Asked *self = (Asked *)op;
    State *state = self->function->state;
    PyObject *body = complete_op(self) < 0 ? NULL : body_of(self);
    if (body == NULL) {
        return -1;
    }
    PyObject *outcome = Py_XNewRef(SLOT(body, state->body_outcome));
    PyObject *pid = Py_XNewRef(SLOT(self->process, state->process_pid));
    slot_set(body, state->body_outcome, Py_NewRef(Py_None));
    int done = done_with(PyObject_CallMethodObjArgs(
        self->actor, state->str_abandon_call, self->op, pid == NULL ? Py_None : pid,
        outcome == NULL ? Py_None : outcome, NULL));
    Py_XDECREF(pid);
    Py_XDECREF(outcome);
    Py_DECREF(body);
    return done;
}

/* --- the type ---------------------------------------------------------------------------------- */

static const Steps ASKED = {begin, go_on, unwind, offsetof(State, asked_type),
                            offsetof(State, spare_asked)};

PyType_Spec asked_spec = {
    .name = "actorsock._native._core.Asked",
    .basicsize = sizeof(Awaitable),
    .flags = AWAITABLE_FLAGS,
    .slots = AWAITABLE_SLOTS,
};

static PyObject *
new_asked(Twin *function, Call call, PyObject *actor, PyObject *op)
{
    Asked *self = (Asked *)new_awaitable(&ASKED, function);
    if (self != NULL) {
        self->variant = call;
        self->hidden = call == BLOCKING; /* the program has called another function */
        self->actor = Py_NewRef(actor);
        self->op = Py_XNewRef(op);
    }
    return (PyObject *)self;
}

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
