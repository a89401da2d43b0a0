/* Asking a socket without waiting: the twins of `nowait_receive`, `recv_nowait` and `send_nowait`.  */

#include "asking.h"

/* Who asks, and how: all borrowed from the caller of the twin, or held by `ask`.  */
typedef struct {
    PyObject *actor, *pid, *lane, *ref; /* `ref` may be None: for a new handle */
    Kind kind;
} Request;

/* The handle of the process; a new reference.  */
static PyObject *
handle_of(State *state, const Request *asked)
{
    return asked->ref == Py_None ? new_ref(state) : Py_NewRef(asked->ref);
}

/* SocketActor.select_for: the process becomes the current user.  */
static PyObject *
select_now(State *state, const Request *asked, PyObject *op)
{
    PyObject *handle = handle_of(state, asked);
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

/* --- a process that has used up its budget ----------------------------------------------------- */

/* _must_give_way(body), of one that has nothing left but a debt.  */
static int
must_give_way(State *state, long long left)
{
    return left > -state->light_full || left <= -2 * state->light_full;
}

/* Whether the process waits for nothing, and can be sent a message without Python code.  */
static int
is_plain_caller(State *state, PyObject *process, PyObject *body)
{
    PyObject *mailbox = SLOT(process, state->process_mailbox);
    return is_exactly(process, state->process_type) && !is_exactly(body, state->handler_type)
           && is_exactly(mailbox, state->mailbox_type)
           && SLOT(mailbox, state->mailbox_wanted) == Py_None
           && is_exactly(SLOT(mailbox, state->mailbox_arrivals), state->deque_type);
}

/* Whether the socket watches for the end of the process already.  */
static int
is_monitored(State *state, const Request *asked)
{
    PyObject *monitors = SLOT(asked->actor, state->actor__monitors);
    int found = is_exactly(monitors, state->table_type) && table_find(monitors, asked->pid) != NULL;
    PyErr_Clear();
    return found;
}

/* SocketActor.give_way, until it has decided: 1 if it sends the message at once, 0 if it would report what is
   not there, -1 if the Python has to do it.  */
static int
gives_way(State *state, const Request *asked, PyObject *process, PyObject *body)
{
    Plain plain;
    return asked->kind.reads && is_plain_socket(state, asked->actor, &plain)
                   && is_plain_caller(state, process, body) && is_monitored(state, asked)
               ? may_be_readable(plain.fd)
               : -1;
}

/* The rest of it: 1 or -1.  */
static int
select_at_once(State *state, const Request *asked, PyObject *unused, PyObject **result)
{
    PyObject *handle = handle_of(state, asked);
    if (handle == NULL) {
        return -1;
    }
    *result = select_in_lane(state, asked->pid, asked->lane, handle, asked->kind.tag);
    Py_DECREF(handle);
    if (*result == NULL) {
        return -1;
    }
    /* Who saw the end of the handle of an earlier call may have closed the socket.  */
    PyObject *user = Py_XNewRef(SLOT(asked->lane, state->lane_current));
    int done = is_exactly(user, state->user_type) && SLOT(asked->lane, state->lane_selected) == Py_False
                   ? select_user(state, asked->actor, asked->lane, user)
                   : 1;
    Py_XDECREF(user);
    if (done < 0) {
        Py_CLEAR(*result);
    }
    return done;
}

/* --- the call ---------------------------------------------------------------------------------- */

/* Let the process pay, and ask: 1, 0 or -1.  */
static int
ask_for(State *state, const Request *asked, PyObject *process, PyObject *body, Attempt attempt,
        PyObject *argument, PyObject **result)
{
    long long left = BUDGET(body) - FLOOR(body) - state->system_call;
    int used_up = left <= 0 && must_give_way(state, left);
    if (used_up) {
        int gives = gives_way(state, asked, process, body);
        if (gives < 0) {
            return 0;
        }
        attempt = gives ? select_at_once : attempt;
    }
    int done = attempt(state, asked, argument, result);
    if (done > 0) {
        pay(state, body);
        if (used_up) {
            FLOOR(body) = BUDGET(body) + state->light_full;
        }
        if (observe(state, asked->actor, argument, asked->pid, *result) < 0) {
            Py_CLEAR(*result);
            done = -1;
        }
    }
    return done;
}

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
        && returns_ok(state, actor)) {
        Request asked = {actor, Py_NewRef(pid), Py_NewRef(lane), ref, *kind};
        Py_INCREF(body);
        done = ask_for(state, &asked, process, body, attempt, argument, result);
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
