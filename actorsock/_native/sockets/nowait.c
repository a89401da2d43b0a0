/* Asking a socket without waiting: the twins of `nowait_receive`, `recv_nowait` and `send_nowait`.  */

#include "asking.h"

/* Who asks, and how: all borrowed from the caller of the twin, or held by `ask`.  */
typedef struct {
    PyObject *actor, *pid, *lane, *ref; /* `ref` may be None: for a new handle */
    Kind kind;
} Request;

/* SocketActor.select_for: the process becomes the current user.  */
static PyObject *
select_now(State *state, const Request *asked, PyObject *op)
{
    PyObject *handle = asked->ref == Py_None ? PyObject_CallNoArgs(state->ref_type)
                                             : Py_NewRef(asked->ref);
    if (handle == NULL) {
        return NULL;
    }
    PyObject *select
        = asked->kind.reads
              ? select_plainly(state, asked->actor, asked->pid, asked->lane, handle, asked->kind.tag)
              : PyObject_CallMethodObjArgs(asked->actor, state->str_select_for, op, asked->pid,
                                           asked->lane, handle, NULL);
    Py_DECREF(handle);
    return select;
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

/* The attempt has the result `*result`, which is None if it has found nothing to do.  */
static int
after_attempt(State *state, const Request *asked, PyObject *op, PyObject **result)
{
    if (*result == Py_None) {
        Py_DECREF(*result);
        *result = select_now(state, asked, op);
        return *result == NULL ? -1 : 1;
    }
    if (SLOT(asked->lane, state->lane_current) != Py_None
        && end_turn_with(state, asked->actor, asked->lane, *result) < 0) {
        Py_CLEAR(*result);
        return -1;
    }
    return 1;
}

/* The request `op`.  */
static int
attempt_once(State *state, const Request *asked, PyObject *op, PyObject **result)
{
    if (asked->kind.reads && finds_nothing(state, asked->actor) > 0) {
        *result = select_now(state, asked, op);
        return *result == NULL ? -1 : 1;
    }
    int done = attempt_of(state, op, asked->actor, result);
    return done <= 0 ? done : after_attempt(state, asked, op, result);
}

/* A send of `data`.  */
static int
send_once(State *state, const Request *asked, PyObject *data, PyObject **result)
{
    PyObject *op;
    int done = send_first(state, asked->actor, data, &op, result);
    if (done > 0) {
        done = after_attempt(state, asked, op, result);
    }
    Py_XDECREF(op);
    return done;
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

/* Whether a receive returns in the usual way, and not a `SelectRead`.  */
static int
returns_ok(State *state, PyObject *actor)
{
    PyObject *settings = SLOT(actor, state->actor_settings);
    return is_exactly(settings, state->settings_type)
           && SLOT(settings, state->settings_select_read) == Py_False;
}

static int
is_known_body(State *state, PyObject *body)
{
    return is_exactly(body, state->light_type) || is_exactly(body, state->task_type)
           || is_exactly(body, state->handler_type);
}

typedef int (*Attempt)(State *, const Request *, PyObject *, PyObject **);

/* Make `attempt` with `argument` for the calling process: 1, 0 or -1.  */
static int
ask(State *state, PyObject *actor, PyObject *ref, const Kind *kind, Attempt attempt,
    PyObject *argument, PyObject **result)
{
    PyObject *process = calling_process(state);
    if (process == NULL) {
        return -1;
    }
    int done = 0;
    PyObject *body = NULL, *lane = NULL, *pid = NULL;
    if (is_process(state, process)) {
        body = SLOT(process, state->process_body);
        pid = SLOT(process, state->process_pid);
        lane = open_lane(state, actor, kind);
    }
    if (lane != NULL && pid != NULL && may_go(state, lane, pid, kind) && is_known_body(state, body)
        && can_pay(state, body) && returns_ok(state, actor)) {
        Request asked = {actor, Py_NewRef(pid), Py_NewRef(lane), ref, *kind};
        Py_INCREF(body);
        done = attempt(state, &asked, argument, result);
        if (done > 0) {
            pay(state, body);
            if (observe(state, actor, argument, asked.pid, *result) < 0) {
                Py_CLEAR(*result);
                done = -1;
            }
        }
        Py_DECREF(body);
        Py_DECREF(lane);
        Py_DECREF(pid);
    }
    Py_DECREF(process);
    return done;
}

/* nowait_receive(actor, op, ref) */
static PyObject *
nowait_receive(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    Kind kind;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 3 && kwnames == NULL && kind_of(state, args[1], &kind)
        && (args[2] == Py_None || is_exactly(args[2], state->ref_type))) {
        PyObject *result = NULL;
        int done = ask(state, args[0], args[2], &kind, attempt_once, args[1], &result);
        if (done != 0) {
            return result;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* recv_nowait(sock) */
static PyObject *
recv_nowait(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 1 && kwnames == NULL && actor_of(state, args[0]) != NULL) {
        Kind kind = kind_of_recv(state);
        PyObject *actor = Py_NewRef(actor_of(state, args[0])), *result = NULL;
        int done = ask(state, actor, Py_None, &kind, attempt_once, state->what_is_there, &result);
        Py_DECREF(actor);
        if (done != 0) {
            return result;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

/* send_nowait(sock, data) */
static PyObject *
send_nowait(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Twin *self = (Twin *)op;
    State *state = self->state;
    if (sockets_prepare(state) < 0) {
        return NULL;
    }
    if (PyVectorcall_NARGS(nargsf) == 2 && kwnames == NULL && PyBytes_CheckExact(args[1])
        && actor_of(state, args[0]) != NULL) {
        Kind kind = kind_of_send(state);
        PyObject *actor = Py_NewRef(actor_of(state, args[0])), *result = NULL;
        int done = ask(state, actor, Py_None, &kind, send_once, args[1], &result);
        Py_DECREF(actor);
        if (done != 0) {
            return result;
        }
    }
    return twin_fall_back(self, args, nargsf, kwnames);
}

const TwinEntry NOWAIT_TWINS[] = {
    {"nowait_receive", nowait_receive},
    {"recv_nowait", recv_nowait},
    {"send_nowait", send_nowait},
    {NULL, NULL},
};
