/* Learning, once, what the twins know of the Python: classes, tables, offsets of slots.  */

#include "core.h"

/* The attribute `name` of the module `path`; a new reference.  */
static PyObject *
import_from(const char *path, const char *name)
{
    PyObject *module = PyImport_ImportModule(path);
    if (module == NULL) {
        return NULL;
    }
    PyObject *found = PyObject_GetAttrString(module, name);
    Py_DECREF(module);
    return found;
}

/* The offset of the slot `name` of instances of `type`; -1 with an exception if it has none.  */
static Py_ssize_t
slot_offset(PyObject *type, const char *name)
{
    PyObject *descriptor = PyObject_GetAttrString(type, name);
    if (descriptor == NULL) {
        return -1;
    }
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
        if (member->type == T_OBJECT_EX) {
            offset = member->offset;
        }
    }
    Py_DECREF(descriptor);
    if (offset < 0) {
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", type, name);
    }
    return offset;
}

/* Keep `object`, of which the reference is taken over, in the state: 0, or -1 if it is NULL.  */
static int
keep(PyObject **place, PyObject *object)
{
    if (object == NULL) {
        return -1;
    }
    Py_XSETREF(*place, object);
    return 0;
}

typedef struct {
    size_t place; /* in the state */
    const char *module, *name;
} Import;

#define REDUCTIONS "actorsock.runtime.core.reductions"
#define FROM(field, module, name) {offsetof(State, field), module, name}

static const Import RUNTIME_IMPORTS[] = {
    FROM(deque_type, "collections", "deque"),
    FROM(next_ref, "actorsock.runtime.core.identity", "_next_ref"),
    FROM(ref_type, "actorsock.runtime.core.identity", "Ref"),
    FROM(do_nothing, "actorsock.runtime.bodies.handler", "_do_nothing"),
    FROM(monotonic, "time", "monotonic"),
    FROM(next_pid, "actorsock.runtime.core.identity", "_next_pid"),
    FROM(pid_type, "actorsock.runtime.core.identity", "Pid"),
    FROM(process_type, "actorsock.runtime.core.process", "Process"),
    FROM(alive, "actorsock.runtime.core.process", "alive"),
    FROM(exit_type, "actorsock.runtime.core.messages", "Exit"),
    FROM(down_type, "actorsock.runtime.core.messages", "Down"),
    FROM(node_type, "actorsock.runtime.core.node", "Node"),
    FROM(mailbox_type, "actorsock.runtime.core.mailbox", "Mailbox"),
    FROM(anything, "actorsock.runtime.core.mailbox", "anything"),
    FROM(passes_type, "actorsock.runtime.core.passes", "Passes"),
    FROM(local, "actorsock.runtime.bodies.running", "local"),
    FROM(step_type, "actorsock.runtime.bodies.running", "Step"),
    FROM(process_of_task, "actorsock.runtime.bodies.current", "process_of_task"),
    FROM(body_type, "actorsock.runtime.core.body", "Body"),
    FROM(light_type, "actorsock.runtime.bodies.light", "LightBody"),
    FROM(reschedule, "trio.lowlevel", "reschedule"),
    FROM(current_task, "trio.lowlevel", "current_task"),
    FROM(checkpoint_if_cancelled, "trio.lowlevel", "checkpoint_if_cancelled"),
    FROM(wait_task_rescheduled, "trio.lowlevel", "wait_task_rescheduled"),
    FROM(call_function, "actorsock.runtime.bodies.functions", "call_function"),
    FROM(cancel_scope, "trio", "CancelScope"),
    FROM(start_in_trio, "actorsock.runtime.bodies.task", "_start"),
    FROM(by_task, "actorsock.runtime.bodies.running", "by_task"),
    FROM(nothing, "actorsock.runtime.core.mailbox", "NOTHING"),
    FROM(paused, "actorsock.runtime.core.mailbox", "PAUSED"),
    FROM(test_of, "actorsock.runtime.core.mailbox", "test_of"),
    FROM(receive, "actorsock.runtime.api.messaging", "receive"),
    FROM(search_on, "actorsock.runtime.api.messaging", "_search_on"),
    FROM(union_type, "types", "UnionType"),
    FROM(inf, "math", "inf"),
    FROM(task_type, "actorsock.runtime.bodies.task", "TaskBody"),
    FROM(handler_type, "actorsock.runtime.bodies.handler", "HandlerBody"),
    FROM(call_handler, "actorsock.runtime.bodies.handler", "_call"),
    FROM(again, "actorsock.runtime.bodies.handler", "AGAIN"),
    FROM(run_queue_type, "actorsock.runtime.core.run_queue", "RunQueue"),
    FROM(pause, "actorsock.runtime.bodies.light", "_PAUSE"),
    {0, NULL, NULL},
};

static const Import OTP_IMPORTS[] = {
    FROM(call_type, "actorsock.otp.calls.protocol", "Call"),
    FROM(cast_type, "actorsock.otp.calls.protocol", "Cast"),
    FROM(caller_type, "actorsock.otp.calls.protocol", "Caller"),
    FROM(pending, "actorsock.otp.calls.protocol", "PENDING"),
    FROM(send_answer, "actorsock.otp.calls.protocol", "send_answer"),
    FROM(by_alias, "actorsock.otp.calls.protocol", "BY_ALIAS"),
    FROM(deliver_call, "actorsock.otp.calls.protocol", "deliver_call"),
    FROM(travellers, "actorsock.otp.calls.travelling", "travellers"),
    FROM(wait_after_delivery, "actorsock.otp.calls.calling", "_wait_after_delivery"),
    FROM(reply_type, "actorsock.otp.server.outcomes", "Reply"),
    FROM(engine_type, "actorsock.otp.server.fast_path", "ServerInPlace"),
    FROM(waiting_type, "actorsock.otp.server.rules", "Waiting"),
    {0, NULL, NULL},
};

static const Import SOCKET_IMPORTS[] = {
    FROM(std_socket_type, "socket", "socket"),
    FROM(ok_type, "actorsock.results", "Ok"),
    FROM(select_type, "actorsock.results", "Select"),
    FROM(select_info_type, "actorsock.results", "SelectInfo"),
    FROM(kind_type, "actorsock.socket.values.kinds", "SocketKind"),
    FROM(error_of, "actorsock.socket.kernel.errors", "error_of"),
    FROM(settings_type, "actorsock.socket.options.settings", "Settings"),
    FROM(counters_type, "actorsock.socket.core.counters", "Counters"),
    FROM(turns_type, "actorsock.socket.core.turns", "Turns"),
    FROM(lane_type, "actorsock.socket.core.turns", "Lane"),
    FROM(user_type, "actorsock.socket.core.turns", "User"),
    FROM(select_message_type, "actorsock.socket.core.notifications", "SelectMessage"),
    FROM(actor_type, "actorsock.socket.core.actor", "SocketActor"),
    FROM(socket_type, "actorsock.socket.core.socket_object", "Socket"),
    FROM(socket_numbers, "actorsock.socket.core.socket_object", "_numbers"),
    FROM(service_type, "actorsock.socket.core.service", "Service"),
    FROM(registry_type, "actorsock.socket.core.registry", "Registry"),
    FROM(start_handler, "actorsock.runtime.bodies.handler", "start_handler"),
    FROM(what_is_there, "actorsock.socket.api.receiving", "_WHAT_IS_THERE"),
    FROM(what_is_there_type, "actorsock.socket.operations.recv", "RecvWhatIsThere"),
    FROM(recvfrom_type, "actorsock.socket.operations.recv", "RecvFrom"),
    FROM(ask, "actorsock.socket.api.asking", "ask"),
    FROM(error_type, "actorsock.results", "Error"),
    FROM(send_select_type, "actorsock.socket.core.turns", "SendSelect"),
    FROM(address_type, "actorsock.socket.values.address", "SockAddrIn"),
    FROM(from_python, "actorsock.socket.values.address", "from_python"),
    FROM(refused, "actorsock.socket.operations.recv", "_refused"),
    FROM(end_of_stream, "actorsock.socket.operations.recv", "_end"),
    FROM(send_type, "actorsock.socket.operations.send", "Send"),
    FROM(sent, "actorsock.socket.operations.send", "SENT"),
    {0, NULL, NULL},
};

static const Import TERM_IMPORTS[] = {
    FROM(atom_type, "actorsock.dist.terms.values", "Atom"),
    FROM(list_key_type, "actorsock.dist.terms.values", "ListKey"),
    FROM(pairs_map_type, "actorsock.dist.terms.values", "PairsMap"),
    FROM(read_table, "actorsock.dist.terms.reading", "_READ"),
    FROM(with_tail, "actorsock.dist.terms.reading", "_with_tail"),
    FROM(write_str, "actorsock.dist.terms.writing", "_str"),
    {0, NULL, NULL},
};

static const Import INET_IMPORTS[] = {
    FROM(tcp_socket_type, "actorsock.inet.driver.socket_objects", "TcpSocket"),
    FROM(udp_socket_type, "actorsock.inet.driver.socket_objects", "UdpSocket"),
    FROM(receiver_type, "actorsock.inet.driver.receiving_actor", "ReceivingActor"),
    FROM(stream_type, "actorsock.inet.driver.stream_actor", "StreamActor"),
    FROM(datagrams_type, "actorsock.inet.driver.datagram_actor", "DatagramActor"),
    FROM(make_udp, "actorsock.inet.driver.datagram_actor", "_udp"),
    FROM(not_sent, "actorsock.inet.driver.datagram_actor", "_not_sent"),
    FROM(send_datagram_at_once, "actorsock.inet.calls.datagrams", "_send_at_once"),
    FROM(send_datagram_anywhere, "actorsock.inet.calls.datagrams", "_send_anywhere"),
    FROM(inet_ok, "actorsock.inet.driver.stream_output", "_OK"),
    FROM(rules_type, "actorsock.inet.rules.stream_rules", "StreamRules"),
    FROM(mode_type, "actorsock.inet.rules.active_mode", "ActiveMode"),
    FROM(statistics_type, "actorsock.inet.rules.statistics", "Statistics"),
    FROM(queue_type, "actorsock.inet.rules.output_queue", "OutputQueue"),
    FROM(tcp_type, "actorsock.inet.rules.messages", "Tcp"),
    FROM(udp_type, "actorsock.inet.rules.messages", "Udp"),
    FROM(buffer_type, "actorsock.inet.packets.receive_buffer", "ReceiveBuffer"),
    FROM(limits_type, "actorsock.inet.packets.rules", "Limits"),
    {0, NULL, NULL},
};

static int
import_all(State *state, const Import *imports)
{
    for (; imports->module != NULL; imports++) {
        PyObject **place = (PyObject **)((char *)state + imports->place);
        if (keep(place, import_from(imports->module, imports->name)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
import_long(long *place, const char *path, const char *name)
{
    PyObject *number = import_from(path, name);
    if (number == NULL) {
        return -1;
    }
    *place = PyLong_AsLong(number);
    Py_DECREF(number);
    return *place == -1 && PyErr_Occurred() ? -1 : 0;
}

/* The C function behind a method, to be called without the checks of a call; NULL if it is not of the
   form that `flags` say.  */
static PyCFunction
function_of(PyObject *method, int flags)
{
    if (!Py_IS_TYPE(method, &PyMethodDescr_Type)) {
        return NULL;
    }
    PyMethodDef *definition = ((PyMethodDescrObject *)method)->d_method;
    return definition->ml_flags == flags ? definition->ml_meth : NULL;
}

static int
import_deque(State *state)
{
    if (keep(&state->append, PyObject_GetAttrString(state->deque_type, "append")) < 0
        || keep(&state->popleft, PyObject_GetAttrString(state->deque_type, "popleft")) < 0) {
        return -1;
    }
    state->deque_append = function_of(state->append, METH_O);
    state->deque_popleft = function_of(state->popleft, METH_NOARGS);
    return 0;
}

/* Whether `type` has the layout of `base`, which the core relies on: 0 or -1.  */
static int
check_base(PyObject *type, PyObject *base)
{
    if (!PyType_IsSubtype((PyTypeObject *)type, (PyTypeObject *)base)) {
        PyErr_Format(PyExc_TypeError, "%R is not derived from %R", type, base);
        return -1;
    }
    return 0;
}

/* The function behind the attribute `cr_running` of coroutines: 0 or -1.  */
static int
import_running(State *state)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)&PyCoro_Type, "cr_running");
    if (found == NULL) {
        return -1;
    }
    int known = Py_IS_TYPE(found, &PyGetSetDescr_Type);
    if (known) {
        state->get_running = ((PyGetSetDescrObject *)found)->d_getset->get;
    }
    else {
        PyErr_SetString(PyExc_TypeError, "cr_running: not an attribute of C");
    }
    Py_DECREF(found);
    return known ? 0 : -1;
}

/* Whether the classes of bodies have the layout that `BUDGET` and `FLOOR` rely on: 0 or -1.  */
static int
check_accounts(State *state)
{
    PyObject *const types[] = {state->light_type, state->task_type, state->handler_type};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(types); i++) {
        if (check_base(types[i], state->account_type) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Whether `type` has the layout that `new_kept` relies on: 0 or -1.  */
static int
check_values(PyObject *type)
{
    if (!is_class_of_values((PyTypeObject *)type)) {
        PyErr_Format(PyExc_TypeError, "%R has not slots alone", type);
        return -1;
    }
    return 0;
}

#define OFFSET(group, type, slot)                                                                 \
    state->group##_##slot = slot_offset(state->type, #slot);                                      \
    if (state->group##_##slot < 0) {                                                              \
        return -1;                                                                                \
    }

int
import_runtime(State *state)
{
    if (import_all(state, RUNTIME_IMPORTS) < 0) {
        return -1;
    }
#define WORD(name)                                                                                \
    if (keep(&state->str_##name, PyUnicode_InternFromString(#name)) < 0) {                        \
        return -1;                                                                                \
    }
    STATE_WORDS(WORD)
    RUNTIME_SLOTS(OFFSET)
    if (is_exactly(state->test_of, state->twin_type)) {
        Py_SETREF(state->test_of, Py_NewRef(((Twin *)state->test_of)->fallback));
    }
    PyObject *class_of_object = _PyType_Lookup(&PyBaseObject_Type, state->str___class__);
    Py_XSETREF(state->class_of_object, Py_XNewRef(class_of_object));
    if (keep(&state->only_after, Py_BuildValue("(O)", state->str_after)) < 0) {
        return -1;
    }
    if (import_deque(state) < 0 || import_running(state) < 0 || check_accounts(state) < 0
        || import_long(&state->start_cost, REDUCTIONS, "START") < 0
        || import_long(&state->light_full, REDUCTIONS, "LIGHT_BUDGET") < 0
        || import_long(&state->task_full, REDUCTIONS, "TASK_BUDGET") < 0
        || import_long(&state->handler_full, REDUCTIONS, "HANDLER_BUDGET") < 0) {
        return -1;
    }
    state->runtime_ready = 1;
    return 0;
}

int
import_otp(State *state)
{
    if (state_prepare(state) < 0 || import_all(state, OTP_IMPORTS) < 0) {
        return -1;
    }
    OTP_SLOTS(OFFSET)
    if (!PyList_CheckExact(state->travellers)) {
        PyErr_SetString(PyExc_TypeError, "travellers: not a list");
        return -1;
    }
    state->otp_ready = 1;
    return 0;
}

int
import_sockets(State *state)
{
    if (state_prepare(state) < 0 || import_all(state, SOCKET_IMPORTS) < 0) {
        return -1;
    }
    SOCKET_SLOTS(OFFSET)
    if (check_base(state->counters_type, state->counted_numbers_type) < 0
        || check_values(state->ok_type) < 0 || check_values(state->select_type) < 0 || check_values(state->select_info_type) < 0
        || check_values(state->select_message_type) < 0) {
        return -1;
    }
    if (keep(&state->closed_lanes, PyTuple_New(0)) < 0) {
        return -1;
    }
    /* The decisions of a wait in a read lane.  */
    PyObject *watch = import_from("actorsock.socket.core.turns", "_WATCH");
    if (watch == NULL) {
        return -1;
    }
    PyObject *decisions = PyObject_GetItem(watch, state->str_read);
    Py_DECREF(watch);
    if (keep(&state->watch_read, decisions) < 0) {
        return -1;
    }
    if (import_long(&state->drain_batch, "actorsock.socket.core.epoll_poller", "_BATCH") < 0
        || import_long(&state->system_call, REDUCTIONS, "SYSTEM_CALL") < 0) {
        return -1;
    }
    /* Systems without epoll never ask for its twin.  */
    PyObject *epoll = import_from("select", "epoll");
    if (epoll == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return -1;
        }
        PyErr_Clear();
        epoll = Py_NewRef(Py_None);
    }
    Py_XSETREF(state->epoll_type, epoll);
    state->sockets_ready = 1;
    return 0;
}

/* The rules of the packet types that the core knows.  */
static int
import_packet_rules(State *state)
{
    PyObject *rules = import_from("actorsock.inet.packets.rules", "RULES");
    if (rules == NULL) {
        return -1;
    }
    int done = keep(&state->rule_raw, PyMapping_GetItemString(rules, "raw"));
    if (done == 0) {
        done = keep(&state->rule_line, PyMapping_GetItemString(rules, "line"));
    }
    struct {
        long name;
        PyObject **place;
    } prefixed[] = {{1, &state->rule_1}, {2, &state->rule_2}, {4, &state->rule_4}};
    for (int i = 0; i < 3 && done == 0; i++) {
        PyObject *name = PyLong_FromLong(prefixed[i].name);
        done = name == NULL ? -1 : keep(prefixed[i].place, PyObject_GetItem(rules, name));
        Py_XDECREF(name);
    }
    Py_DECREF(rules);
    return done;
}

int
import_inet(State *state)
{
    if (sockets_prepare(state) < 0 || import_all(state, INET_IMPORTS) < 0
        || import_packet_rules(state) < 0) {
        return -1;
    }
    INET_SLOTS(OFFSET)
    if (check_base(state->statistics_type, state->packet_numbers_type) < 0
        || check_values(state->tcp_type) < 0 || check_values(state->udp_type) < 0
        || import_long(&state->lowest_count, "actorsock.inet.rules.active_mode", "LOWEST_COUNT") < 0
        || import_long(&state->highest_count, "actorsock.inet.rules.active_mode", "HIGHEST_COUNT")
               < 0) {
        return -1;
    }
    state->inet_ready = 1;
    return 0;
}

int
import_terms(State *state)
{
    if (state_prepare(state) < 0 || import_all(state, TERM_IMPORTS) < 0) {
        return -1;
    }
    state->terms_ready = 1;
    return 0;
}

PyObject *
find_step(State *state)
{
    PyObject *step = PyObject_GetAttr(state->local, state->str_step);
    if (step == NULL) {
        return NULL;
    }
    if (!is_exactly(step, state->step_type)) {
        Py_DECREF(step);
        PyErr_SetString(PyExc_TypeError, "local.step: not a Step");
        return NULL;
    }
    state->step_thread = PyThreadState_Get()->id;
    Py_CLEAR(state->thread_ident); /* that of another thread */
    Py_XSETREF(state->step, Py_NewRef(step));
    return step;
}

int
compare_thread(State *state, PyObject *node)
{
    PyObject *thread = SLOT(node, state->node_thread);
    if (thread == NULL || !PyLong_CheckExact(thread)
        || PyLong_AsUnsignedLongMask(thread) != PyThread_get_thread_ident()) {
        return 0;
    }
    if (state->step_thread == PyThreadState_Get()->id) {
        Py_XSETREF(state->thread_ident, Py_NewRef(thread));
    }
    return 1;
}

PyObject *
living_process(State *state, PyObject *pid)
{
    if (!is_exactly(pid, state->pid_type)) {
        return NULL;
    }
    PyObject *process = PyDict_GetItemWithError(state->alive, pid);
    return is_process(state, process) ? Py_NewRef(process) : NULL;
}
