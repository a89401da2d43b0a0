/* The load generator: it loads a server under test, and checks all replies.
 *
 *     loadgen echo PORT CONNECTIONS   one 64-byte message in transit on every TCP connection
 *     loadgen udp PORT SOCKETS        the same with datagrams, one socket each
 *     loadgen accept PORT AT_ONCE     connections that the server accepts and closes
 *     loadgen source PORT             sends; the server replies with the number of bytes
 *     loadgen sink PORT               requests bytes, and reads them
 *     loadgen hold PORT CONNECTIONS   connections on which nothing happens
 *     loadgen waves PORT CONNECTIONS  a message on every connection, and all replies
 *     loadgen burst PORT CLIENTS      clients that connect at once, each with one message
 *
 * Prints "ready" when it is connected. Then each line on standard input starts a run of so many
 * seconds (echo, udp, accept), bytes (source, sink), waves or bursts, whose result is a line "COUNT
 * SECONDS". Ends
 * at the end of standard input. After an error, prints a message and ends with status 1.
 *
 * Linux only (epoll), loopback only.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE = 64,
    PIECE = 65536,
    EVENTS = 256,
    PATIENCE_MS = 10000,
    RESEND_MS = 100,
    PER_ADDRESS = 5000 /* connections: the fewer ports are free, the longer connect searches */
};

struct connection {
    int fd;
    uint64_t sent; /* messages so far, in all runs: the number of the current one */
    int waits; /* for the reply to that one */
    size_t received; /* bytes of the reply so far */
    char answer[MESSAGE];
};

static int port;
static int poller;

static void die(const char *what)
{
    fprintf(stderr, "loadgen: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static struct sockaddr_in server(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return addr;
}

static int open_socket(int type)
{
    int fd = socket(AF_INET, type, 0);
    if (fd < 0)
        die("socket");
    return fd;
}

/* Give the socket the address of its number, 127.0.0.1 and following ones.  */
static void bind_to_address(int fd, int number)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int on = 1;
    if (number < PER_ADDRESS)
        return;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / PER_ADDRESS);
    /* The kernel then chooses the port in connect, where it knows the other end.  */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        die("bind");
}

static int connected(int type, int number)
{
    int fd = open_socket(type), on = 1;
    struct sockaddr_in addr = server();
    bind_to_address(fd, number);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        die("connect");
    if (type == SOCK_STREAM)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void watch(int fd, void *who)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

/* Read a line of standard input as a number; end the program at the end of input. */
static double asked(void)
{
    char line[64];
    if (fgets(line, sizeof line, stdin) == NULL)
        exit(0);
    return strtod(line, NULL);
}

static void say_ready(void)
{
    puts("ready");
    fflush(stdout);
}

static void answer(uint64_t count, double seconds)
{
    printf("%llu %.9f\n", (unsigned long long)count, seconds);
    fflush(stdout);
}

/* --- echo and udp ------------------------------------------------------------------------- */

/* All messages of all connections differ, so that a mix-up is detected. Each is one packet with 4
   bytes of length in front, and one line, for the servers that divide the stream. */
static void message(char *text, const struct connection *connection, uint64_t number)
{
    uint64_t words[MESSAGE / 8];
    for (int i = 0; i < MESSAGE / 8; i++)
        words[i] = number * 0x9e3779b97f4a7c15u + (uint64_t)connection->fd * 31 + i;
    memcpy(text, words, MESSAGE);
    for (int i = 0; i < MESSAGE; i++)
        if (text[i] == '\n')
            text[i] = '-';
    uint32_t length = htonl(MESSAGE - 4);
    memcpy(text, &length, 4);
    text[MESSAGE - 1] = '\n';
}

static void transmit(struct connection *connection)
{
    char text[MESSAGE];
    message(text, connection, connection->sent);
    if (send(connection->fd, text, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
        die("send");
}

static void send_next(struct connection *connection)
{
    connection->sent++;
    connection->waits = 1;
    transmit(connection);
}

/* Read what has arrived; return 1 when the reply is complete and correct. */
static int read_answer(struct connection *connection, int type)
{
    char expected[MESSAGE];
    ssize_t size = recv(connection->fd, connection->answer + connection->received,
                        MESSAGE - connection->received, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN)
        return 0;
    if (size < 0)
        die("recv");
    if (size == 0) {
        errno = 0;
        die("the server has closed a connection");
    }
    connection->received += size;
    if (connection->received < MESSAGE)
        return 0;
    connection->received = 0;
    message(expected, connection, connection->sent);
    int current = memcmp(expected, connection->answer, MESSAGE) == 0;
    if (current && connection->waits) {
        connection->waits = 0;
        return 1;
    }
    /* A datagram that was sent again in a silence was late, not lost, and has several replies. */
    message(expected, connection, connection->sent - 1);
    if (type != SOCK_DGRAM || !(current || memcmp(expected, connection->answer, MESSAGE) == 0)) {
        errno = 0;
        die("what came back is not what was sent");
    }
    return 0;
}

/* Exchange messages for so many seconds; return their number. */
static uint64_t exchange(struct connection *connections, int number, int type, double seconds,
                         double *took)
{
    struct epoll_event events[EVENTS];
    double begin = now(), end = begin + seconds, elapsed = 0;
    uint64_t count = 0;
    int under_way = number, silence = 0;

    for (int i = 0; i < number; i++)
        send_next(&connections[i]);
    while (under_way > 0) {
        int ready = epoll_wait(poller, events, EVENTS, RESEND_MS);
        double time = now();
        if (ready < 0)
            die("epoll_wait");
        silence = ready ? 0 : silence + RESEND_MS;
        if (silence >= PATIENCE_MS) {
            errno = 0;
            die("no answer");
        }
        if (silence && type == SOCK_DGRAM) /* the datagrams in transit are lost */
            for (int i = 0; i < number; i++)
                if (connections[i].waits)
                    transmit(&connections[i]);
        if (time >= end && elapsed == 0)
            elapsed = time - begin;
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!read_answer(connection, type))
                continue;
            if (elapsed == 0) {
                count++;
                send_next(connection);
            } else {
                under_way--;
            }
        }
    }
    *took = elapsed;
    return count;
}

static struct connection *open_connections(int type, int number)
{
    struct connection *connections = calloc(number, sizeof *connections);
    double took;

    for (int i = 0; i < number; i++) {
        connections[i].fd = connected(type, i);
        watch(connections[i].fd, &connections[i]);
    }
    /* A connected socket may not be accepted yet: first exchange a message on each. */
    exchange(connections, number, type, 0, &took);
    say_ready();
    return connections;
}

static void echo(int type, int number)
{
    struct connection *connections = open_connections(type, number);
    for (;;) {
        double took;
        uint64_t count = exchange(connections, number, type, asked(), &took);
        answer(count, took);
    }
}

static void waves(int number)
{
    struct connection *connections = open_connections(SOCK_STREAM, number);
    for (;;) {
        double took;
        int each = asked();
        double begin = now();
        for (int i = 0; i < each; i++)
            exchange(connections, number, SOCK_STREAM, 0, &took); /* none is sent a second time */
        answer((uint64_t)number * each, now() - begin);
    }
}

/* --- burst -------------------------------------------------------------------------------- */

/* Connect all at the same moment. A run ends when each client has its reply; closing is not part of
   its time, and the next run waits until the server has closed too.  */
static void burst(struct connection *clients, int number, double *took)
{
    struct epoll_event events[EVENTS];
    struct sockaddr_in addr = server();
    double begin = now();
    int missing = number;

    for (int i = 0; i < number; i++) {
        int fd = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
        if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0 && errno != EINPROGRESS)
            die("connect");
        clients[i] = (struct connection){.fd = fd};
        struct epoll_event event = {.events = EPOLLOUT, .data.ptr = &clients[i]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
            die("epoll_ctl");
    }
    while (missing > 0) {
        int ready = epoll_wait(poller, events, EVENTS, PATIENCE_MS);
        if (ready <= 0) {
            errno = ready ? errno : 0;
            die("a client got no reply");
        }
        for (int i = 0; i < ready; i++) {
            struct connection *client = events[i].data.ptr;
            if (client->waits) {
                missing -= read_answer(client, SOCK_STREAM);
                continue;
            }
            struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
            if (epoll_ctl(poller, EPOLL_CTL_MOD, client->fd, &event) < 0)
                die("epoll_ctl");
            send_next(client); /* fails if the connection has failed */
        }
    }
    *took = now() - begin;
    for (int i = 0; i < number; i++)
        shutdown(clients[i].fd, SHUT_WR);
    for (int i = 0; i < number; i++) {
        struct pollfd closed = {.fd = clients[i].fd, .events = POLLIN};
        char byte;
        if (poll(&closed, 1, PATIENCE_MS) <= 0 || recv(clients[i].fd, &byte, 1, 0) != 0)
            die("the server has not closed a connection");
        close(clients[i].fd);
    }
}

static void bursts(int number)
{
    struct connection *clients = calloc(number, sizeof *clients);
    say_ready();
    for (;;) {
        double took, sum = 0;
        int each = asked();
        for (int i = 0; i < each; i++, sum += took)
            burst(clients, number, &took);
        answer((uint64_t)number * each, sum);
    }
}

/* --- accept ------------------------------------------------------------------------------- */

static void begin_connection(void)
{
    struct sockaddr_in addr = server();
    /* Without lingering, closing after the server leaves no socket in TIME_WAIT. */
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    int fd = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0 && errno != EINPROGRESS)
        die("connect");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void connect_again_and_again(int at_once, double seconds)
{
    struct epoll_event events[EVENTS];
    double begin = now(), end = begin + seconds, elapsed = 0;
    uint64_t count = 0;
    int under_way = at_once;

    for (int i = 0; i < at_once; i++)
        begin_connection();
    while (under_way > 0) {
        int ready = epoll_wait(poller, events, EVENTS, PATIENCE_MS);
        double time = now();
        if (ready <= 0) {
            errno = ready ? errno : 0;
            die("no connection was accepted and closed");
        }
        if (time >= end && elapsed == 0)
            elapsed = time - begin;
        for (int i = 0; i < ready; i++) {
            char byte;
            int fd = events[i].data.fd;
            if (recv(fd, &byte, 1, 0) != 0)
                die("a connection that should just close");
            close(fd);
            if (elapsed == 0) {
                count++;
                begin_connection();
            } else {
                under_way--;
            }
        }
    }
    answer(count, elapsed);
}

/* --- bulk --------------------------------------------------------------------------------- */

static void read_whole(int fd, char *buffer, size_t size)
{
    if (recv(fd, buffer, size, MSG_WAITALL) != (ssize_t)size)
        die("recv");
}

static void write_whole(int fd, const char *buffer, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, buffer, size, MSG_NOSIGNAL);
        if (sent < 0)
            die("send");
        buffer += sent;
        size -= sent;
    }
}

/* Each run has its own connection, which begins with the direction and the number of bytes. */
static void bulk(char direction, uint64_t bytes)
{
    static char piece[PIECE];
    char head[9] = {direction};
    uint64_t network = htobe64(bytes), left = bytes;
    double begin;
    int fd = connected(SOCK_STREAM, 0);

    memcpy(head + 1, &network, 8);
    begin = now();
    write_whole(fd, head, sizeof head);
    if (direction == 'r') {
        for (; left > 0; left -= left < PIECE ? left : PIECE)
            write_whole(fd, piece, left < PIECE ? left : PIECE);
        read_whole(fd, (char *)&network, 8);
        left = bytes - be64toh(network);
    } else {
        while (left > 0) {
            ssize_t size = recv(fd, piece, left < PIECE ? left : PIECE, 0);
            if (size <= 0)
                die("recv");
            left -= size;
        }
    }
    if (left != 0) {
        errno = 0;
        die("not as many bytes as were asked for");
    }
    close(fd);
    answer(bytes, now() - begin);
}

/* ------------------------------------------------------------------------------------------ */

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    int number = argc > 3 ? atoi(argv[3]) : 1;

    port = argc > 2 ? atoi(argv[2]) : 0;
    poller = epoll_create1(0);
    if (!strcmp(what, "echo"))
        echo(SOCK_STREAM, number);
    if (!strcmp(what, "udp"))
        echo(SOCK_DGRAM, number);
    if (!strcmp(what, "waves"))
        waves(number);
    if (!strcmp(what, "burst"))
        bursts(number);
    if (!strcmp(what, "hold"))
        for (int i = 0; i < number; i++)
            connected(SOCK_STREAM, i);
    say_ready();
    if (!strcmp(what, "accept"))
        for (;;)
            connect_again_and_again(number, asked());
    if (!strcmp(what, "source"))
        for (;;)
            bulk('r', (uint64_t)asked());
    if (!strcmp(what, "sink"))
        for (;;)
            bulk('s', (uint64_t)asked());
    if (!strcmp(what, "hold"))
        asked();
    fprintf(stderr, "loadgen: what to do? echo, udp, accept, source, sink, hold, waves, burst\n");
    return 1;
}
