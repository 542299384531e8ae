/* Rules are written as in lima.yaml and loaded by the real loader. */
#include "model/forward/rules.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "model/config/config.h"

#include "config_host.h"
#include "unit_test.h"

#define SSH_PORT 60022
#define ROWS_MAX 25

static void load(struct instance_config *out, const char *yaml)
{
    AUTO_CALL(config_env_done) struct config_env env = config_host("/home/u/.lima");
    auto_mem char *text = mem_printf("images: [{location: /x.img}]\n%s", yaml);
    struct config_input in = { .name = "default",
                               .dir = "/home/u/.lima/default",
                               .path = "/home/u/.lima/default/lima.yaml",
                               .text = sv_of(text) };
    auto_err struct err *err = NULL;

    if (!config_load(out, &env, &in, NULL, &err) || !config_check(out, &env, &err))
        fail_msg("%s: %s", yaml, err_text(err));
}

/* "[static ]tcp|udp ADDRESS:PORT" */
static struct forward_decision decide(const struct forward_rules *rules, const char *listener)
{
    struct sv rest = sv_of(listener), word;
    bool is_static = sv_starts(rest, SV("static "));
    enum forward_proto proto;
    struct ip_address ip;
    uint16_t port;
    ptrdiff_t colon;
    auto_mem char *address = NULL;

    if (is_static)
        (void)sv_next(&rest, ' ', &word);
    assert_true(sv_next(&rest, ' ', &word));
    proto = sv_eq_str(word, "tcp") ? FORWARD_TCP : FORWARD_UDP;
    colon = sv_rfind(rest, ':');
    assert_true(colon > 0 && parse_u16(sv_slice(rest, (size_t)colon + 1, rest.n), &port));
    rest.n = (size_t)colon;
    address = sv_dup(rest.p[0] == '[' ? sv_slice(rest, 1, rest.n - 1) : rest);
    assert_true(ip_address_parse(address, &ip));
    return is_static ? forward_rules_match_static(rules, proto, &ip, port)
                     : forward_rules_match(rules, proto, &ip, port);
}

static char *decision_text(const struct forward_decision *decision)
{
    switch (decision->verdict) {
    case FORWARD_IGNORED:
        return mem_strdup("ignored");
    case FORWARD_STATIC:
        return mem_strdup("static");
    case FORWARD_WANTED:
        return forward_end_text(&decision->host);
    case FORWARD_UNMATCHED:
        break;
    }
    return mem_strdup("-");
}

static const struct scenario {
    const char *name, *yaml;
    struct {
        const char *listener, *result; /* "-": no rule is for it */
    } rows[ROWS_MAX];
} scenarios[] = {
    { "nothing",
      "",
      {
          { "tcp 127.0.0.1:80", "127.0.0.1:80" },
          { "tcp 0.0.0.0:80", "127.0.0.1:80" },
          { "tcp [::1]:80", "127.0.0.1:80" },
          { "tcp [::]:80", "127.0.0.1:80" },
          { "udp 127.0.0.1:80", "127.0.0.1:80" },
          { "udp 0.0.0.0:80", "127.0.0.1:80" },
          { "udp [::1]:80", "127.0.0.1:80" },
          { "udp [::]:80", "127.0.0.1:80" },
          { "tcp 127.0.0.53:53", "-" },
          { "udp 127.0.0.53:53", "-" },
          { "tcp 192.168.5.15:80", "-" },
          { "udp 192.168.5.15:80", "-" },
          { "tcp [fe80::1]:80", "-" },
          { "udp [2001:db8::1]:80", "-" },
          { "tcp 127.0.0.1:1", "127.0.0.1:1" },
          { "tcp 127.0.0.1:65535", "127.0.0.1:65535" },
          { "tcp 0.0.0.0:22", "ignored" },
          { "tcp [::]:22", "ignored" },
          { "tcp 127.0.0.1:22", "ignored" },
          { "udp [::1]:22", "ignored" },
          { "tcp 192.168.5.15:22", "ignored" },
          { "tcp 127.0.0.1:60022", "ignored" },
          { "tcp [::]:60022", "ignored" },
          { "udp 0.0.0.0:60022", "ignored" },
          { "tcp [::ffff:127.0.0.1]:80", "127.0.0.1:80" },
      } },
    { "none",
      "portForwardDefault: none\n",
      {
          { "tcp 127.0.0.1:80", "-" },
          { "tcp [::]:80", "-" },
          { "udp 0.0.0.0:53", "-" },
          { "tcp 0.0.0.0:22", "ignored" },
      } },
    { "none with a rule",
      "portForwardDefault: none\n"
      "portForwards: [{guestPort: 8080, hostPort: 80}]\n",
      {
          { "tcp 127.0.0.1:8080", "127.0.0.1:80" },
          { "udp [::]:8080", "127.0.0.1:80" },
          { "tcp 127.0.0.1:8081", "-" },
      } },
    { "loopback, said aloud",
      "portForwardDefault: loopback\n",
      {
          { "tcp [::1]:80", "127.0.0.1:80" },
      } },
    { "range",
      "portForwards: [{guestPortRange: [4000, 4999], hostPortRange: [14000, 14999]}]\n",
      {
          { "tcp 127.0.0.1:4005", "127.0.0.1:14005" },
          { "tcp 0.0.0.0:4000", "127.0.0.1:14000" },
          { "tcp [::1]:4999", "127.0.0.1:14999" },
          { "udp [::]:4321", "127.0.0.1:14321" },
          { "tcp 127.0.0.1:3999", "127.0.0.1:3999" },
          { "tcp 127.0.0.1:5000", "127.0.0.1:5000" },
          { "tcp 192.168.5.15:4005", "-" },
          { "udp 127.0.0.53:4005", "-" },
      } },
    { "to every address of the host",
      "portForwards: [{guestPort: 443, hostIP: 0.0.0.0}]\n",
      {
          { "tcp 0.0.0.0:443", "0.0.0.0:443" },
          { "tcp 127.0.0.1:443", "0.0.0.0:443" },
          { "udp [::1]:443", "0.0.0.0:443" },
          { "tcp [::]:443", "0.0.0.0:443" },
          { "tcp 192.168.5.15:443", "-" },
      } },
    { "to IPv6",
      "portForwards: [{guestPort: 443, hostIP: \"::1\"}, {guestPort: 444, hostIP: \"::\"}]\n",
      {
          { "tcp 0.0.0.0:443", "[::1]:443" },
          { "tcp [::1]:443", "[::1]:443" },
          { "udp 127.0.0.1:443", "[::1]:443" },
          { "tcp [::]:444", "[::]:444" },
          { "tcp 127.0.0.1:445", "127.0.0.1:445" },
      } },
    { "must be zero, implied",
      "portForwards: [{guestIP: 0.0.0.0, guestPort: 7443, hostIP: 0.0.0.0}]\n",
      {
          { "tcp 0.0.0.0:7443", "0.0.0.0:7443" },
          { "tcp [::]:7443", "0.0.0.0:7443" },
          { "udp 0.0.0.0:7443", "0.0.0.0:7443" },
          { "udp [::]:7443", "0.0.0.0:7443" },
          { "tcp 127.0.0.1:7443", "127.0.0.1:7443" },
          { "tcp [::1]:7443", "127.0.0.1:7443" },
          { "udp 127.0.0.1:7443", "127.0.0.1:7443" },
          { "tcp 192.168.5.15:7443", "-" },
      } },
    { "must be zero, said aloud",
      "portForwards: [{guestIPMustBeZero: true, guestPort: 7443, hostIP: 0.0.0.0}]\n",
      {
          { "tcp 0.0.0.0:7443", "0.0.0.0:7443" },
          { "tcp [::]:7443", "0.0.0.0:7443" },
          { "tcp 127.0.0.1:7443", "127.0.0.1:7443" },
      } },
    { "need not be zero",
      "portForwards: [{guestIP: 0.0.0.0, guestIPMustBeZero: false, guestPort: 7443, hostIP: "
      "0.0.0.0}]\n",
      {
          { "tcp 192.168.5.15:7443", "0.0.0.0:7443" },
          { "tcp 127.0.0.1:7443", "0.0.0.0:7443" },
          { "tcp [::1]:7443", "0.0.0.0:7443" },
          { "tcp [fe80::1]:7443", "0.0.0.0:7443" },
          { "udp 127.0.0.53:7443", "0.0.0.0:7443" },
          { "tcp 0.0.0.0:7443", "0.0.0.0:7443" },
          { "tcp 192.168.5.15:7444", "-" },
      } },
    { "the IPv6 wildcard",
      "portForwards: [{guestIP: \"::\", guestPort: 7443, hostPort: 7444}]\n",
      {
          { "tcp [::]:7443", "127.0.0.1:7444" },
          { "tcp 0.0.0.0:7443", "127.0.0.1:7444" },
          { "tcp [fe80::1]:7443", "127.0.0.1:7444" },
          { "tcp 192.168.5.15:7443", "127.0.0.1:7444" },
          { "udp [::1]:7443", "127.0.0.1:7444" },
      } },
    { "one address of the guest",
      "portForwards: [{guestIP: 192.168.5.15, guestPort: 80, hostPort: 8080}, {guestIP: "
      "\"fd00::1\", guestPort: 80, hostPort: 8081}]\n",
      {
          { "tcp 192.168.5.15:80", "127.0.0.1:8080" },
          { "udp 192.168.5.15:80", "127.0.0.1:8080" },
          { "tcp [fd00::1]:80", "127.0.0.1:8081" },
          { "tcp [fd00:0::0:1]:80", "127.0.0.1:8081" },
          { "tcp 192.168.5.16:80", "-" },
          { "tcp 0.0.0.0:80", "127.0.0.1:8080" },
          { "tcp [::]:80", "127.0.0.1:8080" },
          { "tcp 127.0.0.1:80", "127.0.0.1:80" },
          { "tcp [::1]:80", "127.0.0.1:80" },
      } },
    { "IPv6 loopback only",
      "portForwards: [{guestIP: \"::1\", guestPort: 80, hostPort: 8080}]\n",
      {
          { "tcp [::1]:80", "127.0.0.1:8080" },
          { "tcp 127.0.0.1:80", "127.0.0.1:80" },
          { "udp [::]:80", "127.0.0.1:8080" },
      } },
    { "ignored port",
      "portForwards: [{guestPort: 5000, ignore: true}]\n",
      {
          { "tcp 127.0.0.1:5000", "ignored" },
          { "udp 127.0.0.1:5000", "ignored" },
          { "tcp [::1]:5000", "ignored" },
          { "tcp 0.0.0.0:5000", "127.0.0.1:5000" },
          { "tcp [::]:5000", "127.0.0.1:5000" },
          { "tcp 127.0.0.1:5001", "127.0.0.1:5001" },
      } },
    { "ignored wildcard",
      "portForwards: [{guestIP: 0.0.0.0, ignore: true}]\n",
      {
          { "tcp 127.0.0.1:5000", "127.0.0.1:5000" },
          { "tcp [::1]:5000", "127.0.0.1:5000" },
          { "tcp 0.0.0.0:5000", "ignored" },
          { "tcp [::]:5000", "ignored" },
          { "udp [::]:5000", "ignored" },
      } },
    { "everything ignored",
      "portForwards: [{guestIP: 0.0.0.0, guestIPMustBeZero: false, ignore: true}]\n",
      {
          { "tcp 127.0.0.1:5000", "ignored" },
          { "tcp [::1]:5000", "ignored" },
          { "tcp 0.0.0.0:5000", "ignored" },
          { "udp [::]:5000", "ignored" },
          { "udp 192.168.5.15:5000", "ignored" },
          { "tcp [fe80::1]:1", "ignored" },
          { "tcp 127.0.0.1:65535", "ignored" },
      } },
    { "UDP ignored",
      "portForwards: [{guestIP: 0.0.0.0, guestIPMustBeZero: false, proto: udp, ignore: true}]\n",
      {
          { "udp 127.0.0.1:53", "ignored" },
          { "udp [::]:53", "ignored" },
          { "tcp 127.0.0.1:53", "127.0.0.1:53" },
          { "tcp [::]:53", "127.0.0.1:53" },
      } },
    { "TCP ignored",
      "portForwards: [{guestIP: 0.0.0.0, guestIPMustBeZero: false, proto: tcp, ignore: true}]\n",
      {
          { "tcp 127.0.0.1:53", "ignored" },
          { "tcp [::1]:53", "ignored" },
          { "udp 127.0.0.1:53", "127.0.0.1:53" },
          { "udp [::1]:53", "127.0.0.1:53" },
      } },
    { "protocols apart",
      "portForwards: [{proto: tcp, guestPort: 53, hostPort: 1053}, {proto: udp, guestPort: 53, "
      "hostPort: 2053}, {proto: any, guestPort: 54, hostPort: 3054}]\n",
      {
          { "tcp 127.0.0.1:53", "127.0.0.1:1053" },
          { "udp 127.0.0.1:53", "127.0.0.1:2053" },
          { "tcp [::]:53", "127.0.0.1:1053" },
          { "udp [::1]:53", "127.0.0.1:2053" },
          { "tcp 0.0.0.0:54", "127.0.0.1:3054" },
          { "udp 0.0.0.0:54", "127.0.0.1:3054" },
      } },
    { "the first rule counts",
      "portForwards: [{guestPort: 80, hostPort: 8080}, {guestPort: 80, hostPort: 8081}, "
      "{guestPortRange: [80, 90], ignore: true}, {guestPort: 85, hostPort: 8085}]\n",
      {
          { "tcp 127.0.0.1:80", "127.0.0.1:8080" },
          { "tcp 127.0.0.1:85", "ignored" },
          { "tcp 0.0.0.0:85", "127.0.0.1:8085" },
          { "udp [::]:86", "127.0.0.1:86" },
          { "udp [::1]:86", "ignored" },
      } },
    { "an exception from what is ignored",
      "portForwards: [{guestPort: 80}, {guestIP: 0.0.0.0, guestIPMustBeZero: false, ignore: "
      "true}]\n",
      {
          { "tcp 127.0.0.1:80", "127.0.0.1:80" },
          { "tcp [::]:80", "127.0.0.1:80" },
          { "tcp [::]:81", "ignored" },
          { "tcp 192.168.5.15:80", "ignored" },
      } },
    { "to a socket",
      "portForwards: [{guestPort: 2375, hostSocket: /run/d.sock}, {guestIP: \"::1\", guestPort: "
      "2376, hostSocket: rel.sock}]\n",
      {
          { "tcp 127.0.0.1:2375", "/run/d.sock" },
          { "tcp [::]:2375", "/run/d.sock" },
          { "tcp [::1]:2376", "/home/u/.lima/default/sock/rel.sock" },
          { "tcp 127.0.0.1:2376", "127.0.0.1:2376" },
      } },
    { "sockets of the guest take no part",
      "portForwards: [{guestSocket: /run/g.sock, hostSocket: /run/h.sock}, {guestSocket: "
      "/run/g.sock, hostPort: 99}]\n",
      {
          { "tcp 127.0.0.1:80", "127.0.0.1:80" },
          { "tcp [::]:99", "127.0.0.1:99" },
          { "udp [::1]:99", "127.0.0.1:99" },
      } },
    { "reverse rules take no part",
      "portForwards: [{guestPort: 80, hostPort: 8080, reverse: true}]\n",
      {
          { "tcp 127.0.0.1:80", "127.0.0.1:80" },
          { "udp [::]:80", "127.0.0.1:80" },
      } },
    { "static",
      "portForwards: [{guestPort: 80, hostPort: 8080, static: true}, {guestPortRange: [90, 99], "
      "static: true, proto: tcp}]\n",
      {
          { "tcp 127.0.0.1:80", "static" },
          { "tcp [::]:80", "static" },
          { "udp 192.168.5.15:80", "static" },
          { "udp [::1]:95", "static" },
          { "tcp 127.0.0.1:81", "127.0.0.1:81" },
          { "tcp 127.0.0.1:100", "127.0.0.1:100" },
      } },
    { "a static rule is not in its own way",
      "# static\n"
      "portForwards: [{guestPort: 80, hostPort: 8080, static: true}, {guestIP: 10.0.0.1, "
      "guestPort: 81, hostIP: \"::1\", static: true}]\n",
      {
          { "static tcp 127.0.0.1:80", "127.0.0.1:8080" },
          { "static tcp 10.0.0.1:81", "[::1]:81" },
          { "static udp 127.0.0.1:80", "127.0.0.1:8080" },
      } },
    { "ignored before it is static",
      "portForwards: [{guestPort: 80, ignore: true}, {guestPort: 80, hostPort: 8080, static: "
      "true}]\n",
      {
          { "static tcp 127.0.0.1:80", "ignored" },
          { "static tcp 0.0.0.0:80", "127.0.0.1:8080" },
      } },
    { "nothing overrides ssh",
      "portForwards: [{guestPort: 60022, hostPort: 9}, {guestIP: 0.0.0.0, guestIPMustBeZero: "
      "false, guestPortRange: [1, 30], hostPortRange: [1001, 1030]}]\n",
      {
          { "tcp 127.0.0.1:22", "ignored" },
          { "tcp [::]:22", "ignored" },
          { "tcp 127.0.0.1:60022", "ignored" },
          { "udp 10.0.0.1:21", "127.0.0.1:1021" },
          { "tcp [fe80::1]:23", "127.0.0.1:1023" },
      } },
    { "plain",
      "plain: true\n"
      "portForwards: [{guestPort: 80}, {guestPort: 81, static: true}]\n",
      {
          { "tcp 127.0.0.1:80", "-" },
          { "tcp 127.0.0.1:81", "static" },
          { "static tcp 127.0.0.1:81", "127.0.0.1:81" },
      } },
};

static void each_listener_goes_where_the_rules_say(void **state)
{
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        const struct scenario *s = &scenarios[i];
        struct instance_config config = { 0 };
        struct forward_rules rules;

        load(&config, s->yaml);
        forward_rules_init(&rules, &config, SSH_PORT);
        for (size_t j = 0; j < ROWS_MAX && s->rows[j].listener; j++) {
            struct forward_decision decision = decide(&rules, s->rows[j].listener);
            auto_mem char *result = decision_text(&decision);

            if (strcmp(result, s->rows[j].result) != 0)
                fail_msg("%s: %s: got %s, want %s", s->name, s->rows[j].listener, result,
                         s->rows[j].result);
        }
        forward_rules_done(&rules);
        config_done(&config);
    }
}

static void leading_ignore_rules_silence_their_protocols(void **state)
{
    static const struct {
        const char *yaml;
        unsigned bits;
    } cases[] = {
        { "", 0 },
        { "portForwards: [{ignore: true}]\n", 3 },
        { "portForwards: [{ignore: true, proto: udp}]\n", 2 },
        { "portForwards: [{ignore: true, proto: udp}, {ignore: true, proto: tcp}]\n", 3 },
        { "portForwards: [{guestPort: 80}, {ignore: true}]\n", 0 },
        { "portForwards: [{ignore: true, guestPort: 80}]\n", 0 },
        { "portForwards: [{ignore: true, proto: tcp}, {guestPort: 80}, {ignore: true}]\n", 1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct instance_config config = { 0 };
        struct forward_rules rules;

        load(&config, cases[i].yaml);
        forward_rules_init(&rules, &config, SSH_PORT);
        check_row(forward_rules_silenced(&rules) == cases[i].bits, cases[i].yaml);
        forward_rules_done(&rules);
        config_done(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_listener_goes_where_the_rules_say),
        cmocka_unit_test(leading_ignore_rules_silence_their_protocols),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
