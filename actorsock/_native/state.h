/* The state of the module: the objects of the Python that its files know, the words that they use, and the
   offsets of the slots that they read. Each table has a line for one of them; what it declares is a field of
   `State`.  */

#ifndef ACTORSOCK_STATE_H
#define ACTORSOCK_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Objects that the module keeps: X(name).  */
#define STATE_OBJECTS(X)                                                                          \
    X(twin_type)                                                                                  \
    X(account_type)                                                                               \
    X(numbered_type)                                                                              \
    X(counted_numbers_type)                                                                       \
    X(packet_numbers_type)                                                                        \
    X(sending_type)                                                                               \
    X(table_type)                                                                                 \
    X(woken_type)                                                                                 \
    X(matcher_type)                                                                               \
    X(receiving_type)                                                                             \
    X(asked_type)                                                                                 \
    X(calling_type)                                                                               \
    X(class_of_values)                                                                           \
    X(match_args)                                                                                 \
    /* the runtime */                                                                             \
    X(next_ref)                                                                                   \
    X(do_nothing)                                                                                 \
    X(monotonic)                                                                                  \
    X(next_pid)                                                                                   \
    X(ref_type)                                                                                   \
    X(deque_type)                                                                                 \
    X(append)                                                                                     \
    X(popleft)                                                                                    \
    X(pid_type)                                                                                   \
    X(process_type)                                                                               \
    X(node_type)                                                                                  \
    X(exit_type)                                                                                  \
    X(down_type)                                                                                  \
    X(mailbox_type)                                                                               \
    X(handler_type)                                                                               \
    X(call_handler)                                                                               \
    X(again)                                                                                      \
    X(run_queue_type)                                                                             \
    X(reschedule)                                                                                 \
    X(task_type)                                                                                  \
    X(body_type)                                                                                  \
    X(light_type)                                                                                 \
    X(passes_type)                                                                                \
    X(alive)                                                                                      \
    X(thread_ident)                                                                               \
    X(anything)                                                                                   \
    X(pause)                                                                                      \
    X(local)                                                                                      \
    X(step)                                                                                       \
    X(step_type)                                                                                  \
    X(process_of_task)                                                                            \
    X(current_task)                                                                               \
    X(by_task)                                                                                    \
    X(last_task)                                                                                  \
    X(last_code)                                                                                  \
    X(last_found)                                                                                 \
    X(found_before)                                                                               \
    X(checkpoint_if_cancelled)                                                                    \
    X(wait_task_rescheduled)                                                                      \
    X(call_function)                                                                              \
    X(take_steps)                                                                                 \
    X(cancel_scope)                                                                               \
    X(start_in_trio)                                                                              \
    X(named_module)                                                                               \
    X(named_qualname)                                                                             \
    X(named_both)                                                                                 \
    X(only_after)                                                                                 \
    X(receive)                                                                                    \
    X(woken)                                                                                      \
    X(nothing)                                                                                    \
    X(paused)                                                                                     \
    X(search_on)                                                                                  \
    X(test_of)                                                                                    \
    X(union_type)                                                                                 \
    X(class_of_object)                                                                            \
    X(inf)                                                                                        \
    /* otp */                                                                                     \
    X(call_type)                                                                                  \
    X(cast_type)                                                                                  \
    X(caller_type)                                                                                \
    X(pending)                                                                                    \
    X(by_alias)                                                                                   \
    X(travellers)                                                                                 \
    X(deliver_call)                                                                               \
    X(wait_after_delivery)                                                                        \
    X(send_answer)                                                                                \
    X(reply_type)                                                                                 \
    X(engine_type)                                                                                \
    X(waiting_type)                                                                               \
    /* sockets */                                                                                 \
    X(actor_type)                                                                                 \
    X(socket_type)                                                                                \
    X(socket_numbers)                                                                             \
    X(service_type)                                                                               \
    X(registry_type)                                                                              \
    X(start_handler)                                                                              \
    X(what_is_there)                                                                              \
    X(spare_user)                                                                                 \
    X(closed_lanes)                                                                               \
    X(std_socket_type)                                                                            \
    X(kind_type)                                                                                  \
    X(settings_type)                                                                              \
    X(counters_type)                                                                              \
    X(turns_type)                                                                                 \
    X(lane_type)                                                                                  \
    X(user_type)                                                                                  \
    X(what_is_there_type)                                                                         \
    X(recvfrom_type)                                                                              \
    X(ask)                                                                                        \
    X(error_type)                                                                                 \
    X(send_select_type)                                                                           \
    X(address_type)                                                                               \
    X(from_python)                                                                                \
    X(last_source)                                                                                \
    X(ok_type)                                                                                    \
    X(select_type)                                                                                \
    X(select_info_type)                                                                           \
    X(select_message_type)                                                                        \
    X(send_type)                                                                                  \
    X(sent)                                                                                       \
    X(error_of)                                                                                   \
    X(refused)                                                                                    \
    X(end_of_stream)                                                                              \
    X(epoll_type)                                                                                 \
    /* sockets of gen_tcp and gen_udp */                                                            \
    X(stream_type)                                                                                \
    X(rules_type)                                                                                 \
    X(mode_type)                                                                                  \
    X(buffer_type)                                                                                \
    X(limits_type)                                                                                \
    X(receiver_type)                                                                              \
    X(datagrams_type)                                                                             \
    X(make_udp)                                                                                   \
    X(not_sent)                                                                                   \
    X(send_datagram_at_once)                                                                      \
    X(send_datagram_anywhere)                                                                     \
    X(udp_type)                                                                                   \
    X(udp_socket_type)                                                                            \
    X(last_text)                                                                                  \
    X(statistics_type)                                                                            \
    X(queue_type)                                                                                 \
    X(tcp_type)                                                                                   \
    X(inet_ok)                                                                                    \
    X(rule_raw)                                                                                   \
    X(rule_1)                                                                                     \
    X(rule_2)                                                                                     \
    X(rule_4)                                                                                     \
    X(rule_line)                                                                                  \
    X(tcp_socket_type)                                                                            \
    X(watch_read)                                                                                 \
    X(spare)                                                                                      \
    /* terms */                                                                                   \
    X(atom_type)                                                                                  \
    X(list_key_type)                                                                              \
    X(pairs_map_type)                                                                             \
    X(read_table)                                                                                 \
    X(with_tail)                                                                                  \
    X(write_str)

/* Names of attributes and words: X(word) declares `str_word`.  */
#define STATE_WORDS(X)                                                                            \
    X(_again)                                                                                     \
    X(_input_ended)                                                                               \
    X(_tell_error)                                                                                \
    X(active)                                                                                     \
    X(after)                                                                                      \
    X(binary)                                                                                     \
    X(closed)                                                                                     \
    X(deliver_arrived)                                                                            \
    X(ended)                                                                                      \
    X(feed)                                                                                       \
    X(flush)                                                                                      \
    X(once)                                                                                       \
    X(open)                                                                                       \
    X(output_failed)                                                                              \
    X(pump)                                                                                       \
    X(queue_rest)                                                                                 \
    X(serve_waiter)                                                                               \
    X(tell_passive)                                                                               \
    X(abandon_call)                                                                               \
    X(appendleft)                                                                                 \
    X(begin)                                                                                      \
    X(carry_out)                                                                                  \
    X(check)                                                                                      \
    X(close)                                                                                      \
    X(failed)                                                                                     \
    X(observe)                                                                                    \
    X(progress)                                                                                   \
    X(recvfrom)                                                                                   \
    X(select_for)                                                                                 \
    X(send)                                                                                       \
    X(send_at_once)                                                                               \
    X(send_later)                                                                                 \
    X(deliver)                                                                                    \
    X(end)                                                                                        \
    X(end_with)                                                                                   \
    X(ensure_watched)                                                                             \
    X(fileno)                                                                                     \
    X(monitor)                                                                                    \
    X(monitor_user)                                                                               \
    X(normal)                                                                                     \
    X(parked)                                                                                     \
    X(pop)                                                                                        \
    X(read)                                                                                       \
    X(write)                                                                                      \
    X(ready)                                                                                      \
    X(recv)                                                                                       \
    X(resume)                                                                                     \
    X(spurious_wakeup)                                                                            \
    X(step)                                                                                       \
    X(throw_misuse)                                                                               \
    X(cr_await)                                                                                   \
    X(cr_frame)                                                                                   \
    X(coro)                                                                                       \
    X(throw)                                                                                      \
    X(waiting)                                                                                    \
    X(wake)                                                                                       \
    X(call)                                                                                       \
    X(timeout)                                                                                    \
    X(handle_call)                                                                                \
    X(handle_cast)                                                                                \
    X(_raised)                                                                                    \
    X(_returned)                                                                                  \
    X(step_soon)                                                                                  \
    X(_crashed)                                                                                   \
    X(_handled)                                                                                   \
    X(_run_ready)                                                                                 \
    X(_actors)                                                                                    \
    X(_draining)                                                                                  \
    X(_epoll)                                                                                     \
    X(_new)                                                                                       \
    X(_notify)                                                                                    \
    X(__args__)                                                                                   \
    X(__class__)                                                                                  \
    X(_abort)                                                                                     \
    X(ref)                                                                                        \
    X(light)                                                                                      \
    X(take_arrival)                                                                               \
    X(_poll)                                                                                      \
    X(_atoms)                                                                                     \
    X(atom)                                                                                       \
    X(__struct__)                                                                                 \
    X(make_struct)                                                                                \
    X(by_type)                                                                                    \
    X(cached)                                                                                     \
    X(derived)                                                                                    \
    X(make_pid)

/* Offsets of slots: X(group, type, slot) declares `group_slot`, of the type `type`.  */
#define RUNTIME_SLOTS(X)                                                                          \
    X(process, process_type, name)                                                                \
    X(process, process_type, trapping)                                                            \
    X(process, process_type, reason)                                                              \
    X(process, process_type, ended_by)                                                            \
    X(process, process_type, links)                                                               \
    X(process, process_type, monitors)                                                            \
    X(process, process_type, watchers)                                                            \
    X(process, process_type, timers)                                                              \
    X(process, process_type, aliases)                                                             \
    X(process, process_type, began)                                                               \
    X(process, process_type, calling)                                                             \
    X(process, process_type, label)                                                               \
    X(process, process_type, parent)                                                              \
    X(process, process_type, body)                                                                \
    X(process, process_type, ending)                                                              \
    X(process, process_type, mailbox)                                                             \
    X(process, process_type, node)                                                                \
    X(process, process_type, pid)                                                                 \
    X(node, node_type, passes)                                                                    \
    X(node, node_type, timers)                                                                    \
    X(node, node_type, run_queue)                                                                 \
    X(run_queue, run_queue_type, budget)                                                          \
    X(run_queue, run_queue_type, _interrupt)                                                      \
    X(run_queue, run_queue_type, _ready)                                                          \
    X(run_queue, run_queue_type, _running)                                                        \
    X(handler, handler_type, _node)                                                               \
    X(handler, handler_type, _terminate)                                                          \
    X(handler, handler_type, _context)                                                            \
    X(handler, handler_type, _handler)                                                            \
    X(handler, handler_type, _process)                                                            \
    X(handler, handler_type, _step)                                                               \
    X(node, node_type, thread)                                                                    \
    X(mailbox, mailbox_type, _by_ref)                                                             \
    X(mailbox, mailbox_type, _next)                                                               \
    X(mailbox, mailbox_type, _passed)                                                             \
    X(mailbox, mailbox_type, _up_to)                                                              \
    X(mailbox, mailbox_type, tested)                                                              \
    X(mailbox, mailbox_type, arrivals)                                                            \
    X(mailbox, mailbox_type, saved)                                                               \
    X(mailbox, mailbox_type, wanted)                                                              \
    X(body, body_type, outcome)                                                                   \
    X(body, body_type, parked)                                                                    \
    X(body, body_type, timers)                                                                    \
    X(light, light_type, context)                                                                 \
    X(light, light_type, process)                                                                 \
    X(task, task_type, task)                                                                      \
    X(task, task_type, _function)                                                                 \
    X(task, task_type, _scope)                                                                    \
    X(task, task_type, _stopped)                                                                  \
    X(node, node_type, nursery)                                                                   \
    X(node, node_type, closing)                                                                   \
    X(node, node_type, started)                                                                   \
    X(node, node_type, seen)                                                                      \
    X(light, light_type, _args)                                                                   \
    X(light, light_type, _function)                                                               \
    X(light, light_type, exit_raised)                                                             \
    X(light, light_type, stopped)                                                                 \
    X(light, light_type, instead)                                                                 \
    X(light, light_type, _coroutine)                                                              \
    X(light, light_type, _passes)                                                                 \
    X(passes, passes_type, keeper)                                                                \
    X(passes, passes_type, ready)                                                                 \
    X(step, step_type, process)

#define OTP_SLOTS(X)                                                                              \
    X(call, call_type, caller)                                                                    \
    X(call, call_type, request)                                                                   \
    X(cast, cast_type, request)                                                                   \
    X(caller, caller_type, answer)                                                                \
    X(caller, caller_type, pid)                                                                   \
    X(reply, reply_type, then)                                                                    \
    X(reply, reply_type, timeout)                                                                 \
    X(reply, reply_type, value)                                                                   \
    X(engine, engine_type, behaviour)                                                             \
    X(engine, engine_type, debugging)                                                             \
    X(engine, engine_type, state)                                                                 \
    X(engine, engine_type, suspended)                                                             \
    X(waiting, waiting_type, timed)

#define SOCKET_SLOTS(X)                                                                           \
    X(socket, socket_type, _actor)                                                                \
    X(actor, actor_type, counters)                                                                \
    X(actor, actor_type, fd)                                                                      \
    X(actor, actor_type, has_low_water_mark)                                                      \
    X(actor, actor_type, kind)                                                                    \
    X(actor, actor_type, poller)                                                                  \
    X(actor, actor_type, read_would_block)                                                        \
    X(actor, actor_type, observed)                                                                \
    X(actor, actor_type, saw_end)                                                                 \
    X(actor, actor_type, settings)                                                                \
    X(actor, actor_type, sock)                                                                    \
    X(actor, actor_type, socket_object)                                                           \
    X(actor, actor_type, turns)                                                                   \
    X(actor, actor_type, unread)                                                                  \
    X(actor, actor_type, watched)                                                                 \
    X(actor, actor_type, write_would_block)                                                       \
    X(actor, actor_type, _monitors)                                                               \
    X(actor, actor_type, _probe)                                                                  \
    X(actor, actor_type, bound)                                                                   \
    X(actor, actor_type, connect_error)                                                           \
    X(actor, actor_type, connected)                                                               \
    X(actor, actor_type, ctype)                                                                   \
    X(actor, actor_type, listening)                                                               \
    X(actor, actor_type, logged)                                                                  \
    X(actor, actor_type, may_linger)                                                              \
    X(actor, actor_type, process)                                                                 \
    X(actor, actor_type, service)                                                                 \
    X(service, service_type, node)                                                                \
    X(service, service_type, poller)                                                              \
    X(service, service_type, registry)                                                            \
    X(registry, registry_type, debug)                                                             \
    X(registry, registry_type, kinds)                                                             \
    X(registry, registry_type, sockets)                                                           \
    X(settings, settings_type, debug)                                                             \
    X(settings, settings_type, iow)                                                               \
    X(settings, settings_type, use_registry)                                                      \
    X(kind, kind_type, protocol_number)                                                           \
    X(kind, kind_type, type_number)                                                               \
    X(kind, kind_type, family)                                                                    \
    X(kind, kind_type, is_known)                                                                  \
    X(kind, kind_type, is_stream)                                                                 \
    X(kind, kind_type, is_tcp)                                                                    \
    X(settings, settings_type, read_count)                                                        \
    X(settings, settings_type, select_read)                                                       \
    X(settings, settings_type, read_size)                                                         \
    X(turns, turns_type, owner)                                                                   \
    X(turns, turns_type, closed)                                                                  \
    X(turns, turns_type, read)                                                                    \
    X(turns, turns_type, write)                                                                   \
    X(lane, lane_type, current)                                                                   \
    X(lane, lane_type, ever_waited)                                                               \
    X(lane, lane_type, name)                                                                      \
    X(lane, lane_type, queue)                                                                     \
    X(lane, lane_type, selected)                                                                  \
    X(user, user_type, activity)                                                                  \
    X(user, user_type, handle)                                                                    \
    X(user, user_type, op)                                                                        \
    X(user, user_type, pid)                                                                       \
    X(user, user_type, process)                                                                   \
    X(user, user_type, tag)                                                                       \
    X(send, send_type, _sent)                                                                     \
    X(send, send_type, data)                                                                      \
    X(send, send_type, dest)                                                                      \
    X(send, send_type, flags)                                                                     \
    X(send, send_type, tag)                                                                       \
    X(recvfrom, recvfrom_type, flags)                                                             \
    X(recvfrom, recvfrom_type, size)                                                              \
    X(send_select, send_select_type, user)                                                        \
    X(address, address_type, addr)                                                                \
    X(address, address_type, port)                                                                \
    X(error, error_type, reason)                                                                  \
    X(select, select_type, data)                                                                  \
    X(select, select_type, info)                                                                  \
    X(select_info, select_info_type, continuation)                                                \
    X(select_info, select_info_type, ref)                                                         \
    X(select_info, select_info_type, tag)                                                         \
    X(select_message, select_message_type, ref)                                                   \
    X(select_message, select_message_type, socket)                                                \
    X(select_message, select_message_type, tag)

#define INET_SLOTS(X)                                                                             \
    X(stream, stream_type, buffer)                                                                \
    X(stream, stream_type, connecting)                                                            \
    X(stream, stream_type, delays)                                                                \
    X(stream, stream_type, ends_after_queue)                                                      \
    X(stream, stream_type, head_size)                                                             \
    X(stream, stream_type, make)                                                                  \
    X(stream, stream_type, paused)                                                                \
    X(stream, stream_type, queue)                                                                 \
    X(stream, stream_type, read_size)                                                             \
    X(stream, stream_type, rules)                                                                 \
    X(receiver, receiver_type, owner_process)                                                     \
    X(receiver, receiver_type, pumping)                                                           \
    X(receiver, receiver_type, statistics)                                                        \
    X(receiver, receiver_type, unseen)                                                            \
    X(receiver, receiver_type, waiter)                                                            \
    X(receiver, receiver_type, woken)                                                             \
    X(datagrams, datagrams_type, ancillary)                                                       \
    X(datagrams, datagrams_type, make)                                                            \
    X(datagrams, datagrams_type, mode)                                                            \
    X(datagrams, datagrams_type, shape)                                                           \
    X(datagrams, datagrams_type, size)                                                            \
    X(udp, udp_type, address)                                                                     \
    X(udp, udp_type, ancillary)                                                                   \
    X(udp, udp_type, data)                                                                        \
    X(udp, udp_type, port)                                                                        \
    X(udp, udp_type, socket)                                                                      \
    X(rules, rules_type, mode)                                                                    \
    X(rules, rules_type, stage)                                                                   \
    X(mode, mode_type, value)                                                                     \
    X(buffer, buffer_type, _always_headers)                                                       \
    X(buffer, buffer_type, _data)                                                                 \
    X(buffer, buffer_type, _limits)                                                               \
    X(buffer, buffer_type, _rule)                                                                 \
    X(buffer, buffer_type, _search)                                                               \
    X(buffer, buffer_type, _start)                                                                \
    X(buffer, buffer_type, needed)                                                                \
    X(buffer, buffer_type, taken)                                                                 \
    X(limits, limits_type, cuts_early)                                                            \
    X(limits, limits_type, delimiter)                                                             \
    X(limits, limits_type, line_length)                                                           \
    X(limits, limits_type, packet_size)                                                           \
    X(queue, queue_type, busy)                                                                    \
    X(queue, queue_type, size)                                                                    \
    X(tcp, tcp_type, data)                                                                        \
    X(tcp, tcp_type, socket)

/* The classes of which the memory of some instances is kept: X(name), of the class `name`_type. They have
   the class of classes in `results.c`.  */
#define KEPT_CLASSES(X)                                                                           \
    X(ok)                                                                                         \
    X(select)                                                                                     \
    X(select_info)                                                                                \
    X(select_message)                                                                             \
    X(tcp)                                                                                        \
    X(udp)

typedef struct {
    PyObject *first; /* or NULL; the next one is in its first slot */
    int number;
    PyObject *instancecheck; /* of the class, or NULL */
} Kept;

typedef struct Pass Pass;

typedef struct {
    /* the objects and offsets of that group are there */
    int runtime_ready, otp_ready, sockets_ready, inet_ready, terms_ready;
#define DECLARE(name) PyObject *name;
    STATE_OBJECTS(DECLARE)
#undef DECLARE
#define DECLARE(name) PyObject *str_##name;
    STATE_WORDS(DECLARE)
#undef DECLARE
#define DECLARE(group, type, slot) Py_ssize_t group##_##slot;
    RUNTIME_SLOTS(DECLARE)
    OTP_SLOTS(DECLARE)
    SOCKET_SLOTS(DECLARE)
    INET_SLOTS(DECLARE)
#undef DECLARE
    PyCFunction deque_append, deque_popleft; /* NULL if they are called in another way */
    getter get_running;                      /* of the attribute `cr_running` of a coroutine */
    long lowest_count, highest_count;
    long start_cost, handler_full, light_full, task_full, last_host, last_port, last_text_host;
    long system_call, drain_batch;
    PyObject *spare_asked, *spare_receiving, *spare_calling; /* memory for the next one, or NULL */
    PyObject *spare_sending;
    Pass *pass; /* the calls of `step_all`, the latest first */
    PyObject **descriptors; /* as ints, by number, or NULL; see `poller.c` */
    int number_of_descriptors;
#define DECLARE(name) Kept kept_##name;
    KEPT_CLASSES(DECLARE)
#undef DECLARE
    uint64_t step_thread; /* whose `step` is: the look-up in a thread-local costs 40 ns */
    uint64_t task_thread; /* in which `last_task` was the current one */
} State;

#endif
