#include "prog/hostagent/port_owners.h"

#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/strv.h"
#include "lang/json/json.h"
#include "model/store/ha_client.h"
#include "model/store/names.h"
#include "svc/loop/stream.h"
#include "svc/loop/timer.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/sock.h"

enum { ANSWER_MS = 2000, ANSWER_MAX = 4 * 1024 * 1024 };

struct owned {
    char *instance, *proto, *host_addr;
};

struct port_owners {
    struct uv_loop_s *loop;
    char *home, *name;
    void (*on_done)(void *arg);
    void *arg;
    struct strv left; /* instances that are still to be asked, last first */
    bool is_asking;
    struct stream *stream; /* to the last of them */
    struct timer *next;    /* goes on, or gives up on one */
    struct sb answer;
    VEC(struct owned) owned;
};

static void forget(struct port_owners *o)
{
    for (size_t i = 0; i < o->owned.n; i++) {
        free(o->owned.v[i].instance);
        free(o->owned.v[i].proto);
        free(o->owned.v[i].host_addr);
    }
    vec_done(&o->owned);
}

static void learn(struct port_owners *o, const char *instance, struct sv response)
{
    auto_json json_t *answer = NULL;
    auto_err struct err *err = NULL;
    json_t *ports, *port;
    struct sv body;
    size_t i;

    if (!ha_response_body(response, &body, &err) || !(answer = json_parse(body, &err)) ||
        !json_get_array(answer, "ports", &ports, &err)) {
        log_debug("asking \"%s\" for its ports: %s", instance, err_text(err));
        return;
    }
    json_array_foreach(ports, i, port)
    {
        const char *proto = NULL, *host_addr = NULL, *state = NULL;

        if (!json_opt_str(port, "hostProtocol", &proto, NULL) ||
            !json_opt_str(port, "hostAddr", &host_addr, NULL) ||
            !json_opt_str(port, "state", &state, NULL) || !proto || !host_addr ||
            !str_eq(state, "open"))
            continue;
        *vec_push(&o->owned) =
            (struct owned){ mem_strdup(instance), mem_strdup(proto), mem_strdup(host_addr) };
    }
}

static void hang_up(struct port_owners *o)
{
    stream_close(MOVE(o->stream));
    sb_done(&o->answer);
}

static void response_data(void *arg, struct sv bytes)
{
    struct port_owners *o = arg;

    sb_put(&o->answer, bytes);
}

static void response_ended(void *arg, const struct err *err)
{
    struct port_owners *o = arg;

    if (!err && !o->answer.over)
        learn(o, o->left.v[o->left.n - 1], sb_view(&o->answer));
    timer_set(o->next, 0);
}

static const struct stream_events response_events = { .on_data = response_data,
                                                      .on_end = response_ended };

/* False when it cannot be asked. */
static bool ask(struct port_owners *o, const char *instance)
{
    auto_mem char *path = mem_printf("%s/%s/%s", o->home, instance, NAME_HA_SOCK);
    auto_fd int fd = -1;

    if (!sock_unix_connect(path, SOCK_STREAM, &fd, NULL))
        return false;
    o->stream = stream_open(o->loop, MOVE_FD(fd), &response_events, o, NULL);
    if (!o->stream)
        return false;
    o->answer.limit = ANSWER_MAX;
    stream_send(o->stream, SV("GET /v1/ports HTTP/1.1\r\nHost: lima-hostagent\r\n"
                              "Connection: close\r\n\r\n"));
    timer_set(o->next, ANSWER_MS);
    return true;
}

static void next_due(void *arg)
{
    struct port_owners *o = arg;

    if (o->stream) {
        hang_up(o);
        strv_remove(&o->left, o->left.n - 1);
    }
    while (o->left.n) {
        if (ask(o, o->left.v[o->left.n - 1]))
            return;
        strv_remove(&o->left, o->left.n - 1);
    }
    o->is_asking = false;
    o->on_done(o->arg);
}

void port_owners_ask(struct port_owners *o)
{
    auto_strv struct strv names = { 0 };

    if (o->is_asking)
        return;
    o->is_asking = true;
    forget(o);
    if (!dir_list(o->home, &names, NULL))
        log_debug("cannot list the instances of %s", o->home);
    for (size_t i = 0; i < names.n; i++)
        if (names.v[i][0] != '_' && names.v[i][0] != '.' && strcmp(names.v[i], o->name) != 0)
            strv_push(&o->left, names.v[i]);
    timer_set(o->next, 0);
}

bool port_owners_collide(const char *proto, const char *host_addr, enum forward_proto with_proto,
                         const struct forward_end *with)
{
    struct sv text = sv_of(host_addr);
    ptrdiff_t colon = sv_rfind(text, ':');
    auto_mem char *ip_text = NULL;
    struct ip_address ip;
    uint16_t port;

    if (strcmp(proto, forward_proto_names[with_proto]) != 0)
        return false;
    if (with->path)
        return strcmp(host_addr, with->path) == 0;
    if (colon <= 0 || !parse_u16(sv_slice(text, (size_t)colon + 1, text.n), &port) ||
        port != with->port)
        return false;
    text.n = (size_t)colon;
    ip_text = sv_dup(text.p[0] == '[' ? sv_slice(text, 1, text.n - 1) : text);
    return ip_address_parse(ip_text, &ip) &&
           (ip_address_eq(&ip, &with->ip) || ip_address_is_unspecified(&ip) ||
            ip_address_is_unspecified(&with->ip));
}

const char *port_owners_find(const struct port_owners *o, enum forward_proto proto,
                             const struct forward_end *host)
{
    for (size_t i = 0; i < o->owned.n; i++)
        if (port_owners_collide(o->owned.v[i].proto, o->owned.v[i].host_addr, proto, host))
            return o->owned.v[i].instance;
    return NULL;
}

struct port_owners *port_owners_open(struct uv_loop_s *loop, const char *home, const char *name,
                                     void (*on_done)(void *arg), void *arg)
{
    struct port_owners *o = mem_new(struct port_owners);

    o->loop = loop;
    o->home = mem_strdup(home);
    o->name = mem_strdup(name);
    o->on_done = on_done;
    o->arg = arg;
    o->next = timer_open(loop, next_due, o);
    return o;
}

void port_owners_close(struct port_owners *o)
{
    if (!o)
        return;
    hang_up(o);
    timer_close(o->next);
    strv_done(&o->left);
    forget(o);
    free(o->home);
    free(o->name);
    free(o);
}
