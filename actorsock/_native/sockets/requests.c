/* What a request to a socket is, and the turn that it takes in a lane: for the ways in which a caller may
   wait, in `asking.c` and `nowait.c`.  */

#include "asking.h"

int
kind_of(State *state, PyObject *op, Kind *kind)
{
    if (is_exactly(op, state->what_is_there_type)) {
        *kind = kind_of_recv(state);
        return 1;
    }
    if (PyBytes_CheckExact(op)) {
        *kind = kind_of_send(state);
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

/* Most users come right after another one has left, so one is kept, without what it refers to.  */
static void
let_go_of_user(State *state, PyObject *user)
{
    if (state->spare_user == NULL && is_exactly(user, state->user_type) && Py_REFCNT(user) == 1) {
        PyObject *pid = SLOT(user, state->user_pid), *handle = SLOT(user, state->user_handle);
        PyObject *op = SLOT(user, state->user_op), *process = SLOT(user, state->user_process);
        SLOT(user, state->user_pid) = SLOT(user, state->user_handle) = NULL;
        SLOT(user, state->user_op) = SLOT(user, state->user_process) = NULL;
        state->spare_user = user;
        Py_XDECREF(pid);
        Py_XDECREF(handle);
        Py_XDECREF(op);
        Py_XDECREF(process);
    }
    else {
        Py_XDECREF(user);
    }
}

PyObject *
new_user(State *state, PyObject *pid, const Kind *kind, PyObject *handle, PyObject *op,
         PyObject *process)
{
    PyObject *user = state->spare_user;
    state->spare_user = NULL;
    if (user == NULL) {
        user = new_instance(state->user_type);
    }
    if (user != NULL) {
        SLOT(user, state->user_pid) = Py_NewRef(pid);
        SLOT(user, state->user_handle) = Py_NewRef(handle);
        SLOT(user, state->user_op) = Py_NewRef(op);
        SLOT(user, state->user_process) = Py_NewRef(process);
        slot_change(user, state->user_activity, kind->activity);
        slot_change(user, state->user_tag, kind->tag);
    }
    return user;
}

int
observe(State *state, PyObject *actor, PyObject *op, PyObject *pid, PyObject *result)
{
    if (is_unobserved(state, actor)) {
        return 0;
    }
    PyObject *made = PyBytes_CheckExact(op) ? new_send(state, op) : Py_NewRef(op);
    if (made == NULL) {
        return -1;
    }
    int done = done_with(PyObject_CallMethodObjArgs(actor, state->str_observe, made, pid, result, NULL));
    Py_DECREF(made);
    return done;
}

void
end_turn(State *state, PyObject *lane)
{
    PyObject *user = SLOT(lane, state->lane_current);
    SLOT(lane, state->lane_current) = Py_NewRef(Py_None);
    slot_change(lane, state->lane_selected, Py_False);
    let_go_of_user(state, user);
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

int
join_lane(State *state, PyObject *actor, PyObject *op, PyObject *lane, PyObject *process,
          const Kind *kind)
{
    PyObject *pid = SLOT(process, state->process_pid);
    if (pid == NULL) {
        PyErr_SetString(PyExc_AttributeError, "pid");
        return -1;
    }
    PyObject *user = new_user(state, pid, kind, Py_None,
                              continues_in_actor(state, actor, kind) ? op : Py_None, process);
    if (user == NULL) {
        return -1;
    }
    slot_change(lane, state->lane_selected, Py_False);
    slot_change(lane, state->lane_ever_waited, Py_True);
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
