#include "model/forward/rules.h"

#include <assert.h>

#include "base/enum.h"
#include "base/mem.h"

#define PORT_MAX   65535
#define BIT(proto) (1u << (proto))
#define BITS_ANY   (BIT(FORWARD_TCP) | BIT(FORWARD_UDP))

const char *const forward_proto_names[] = { "tcp", "udp", "unix" };
ENUM_NAMES_MATCH(forward_proto_names, FORWARD_PROTO_COUNT);

static const struct ip_address loopback = { 4, { 127, 0, 0, 1 } };
static const struct ip_address loopback6 = { 16, { [15] = 1 } };
static const struct ip_address wildcard = { 4, { 0 } };

static const char *text_or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static void add_ignored_port(struct forward_rules *rules, uint16_t port)
{
    *vec_push(&rules->list) = (struct forward_rule){
        .name = mem_strdup("ssh"),
        .protos = BITS_ANY,
        .guest_ip = wildcard,
        .host_ip = loopback,
        .guest_first = port,
        .guest_last = port,
        .host_first = port,
        .is_ignore = true,
    };
}

static void add_fallback(struct forward_rules *rules)
{
    *vec_push(&rules->list) = (struct forward_rule){
        .name = mem_strdup("default"),
        .protos = BITS_ANY,
        .guest_ip = loopback,
        .host_ip = loopback,
        .guest_first = 1,
        .guest_last = PORT_MAX,
        .host_first = 1,
    };
}

static void add_configured(struct forward_rules *rules, const struct forward_config *f, size_t i)
{
    struct forward_rule rule = {
        .guest_ip_must_be_zero = f->guest_ip_must_be_zero.v,
        .guest_first = (uint16_t)f->guest_port_range.v[0],
        .guest_last = (uint16_t)f->guest_port_range.v[1],
        .host_first = (uint16_t)f->host_port_range.v[0],
        .guest_socket = text_or_null(f->guest_socket),
        .host_socket = text_or_null(f->host_socket),
        .is_ignore = f->ignore.v,
        .is_static = f->is_static.v,
        .is_reverse = f->reverse.v,
    };
    bool has_addresses = ip_address_parse(f->guest_ip, &rule.guest_ip) &&
                         ip_address_parse(f->host_ip, &rule.host_ip);

    assert(has_addresses); /* the loader has checked them */
    rule.name = mem_printf("portForwards[%zu]", i);
    rule.protos = str_eq(f->proto, "tcp")   ? BIT(FORWARD_TCP)
                  : str_eq(f->proto, "udp") ? BIT(FORWARD_UDP)
                                            : BITS_ANY;
    *vec_push(&rules->list) = rule;
}

void forward_rules_init(struct forward_rules *rules, const struct instance_config *config,
                        uint16_t ssh_port)
{
    *rules = (struct forward_rules){ 0 };
    add_ignored_port(rules, 22);
    if (ssh_port)
        add_ignored_port(rules, ssh_port);
    for (size_t i = 0; i < config->port_forwards.n; i++)
        add_configured(rules, &config->port_forwards.v[i], i);
    if (!str_eq(config->port_forward_default, "none") && !config->plain.v)
        add_fallback(rules);
}

void forward_rules_done(struct forward_rules *rules)
{
    for (size_t i = 0; i < rules->list.n; i++)
        free((char *)rules->list.v[i].name);
    vec_done(&rules->list);
}

static bool has_address(const struct forward_rule *rule, const struct ip_address *ip)
{
    if (ip_address_is_unspecified(ip) || ip_address_eq(ip, &rule->guest_ip))
        return true;
    if (ip_address_eq(ip, &loopback6) && ip_address_eq(&rule->guest_ip, &loopback))
        return true;
    return ip_address_is_unspecified(&rule->guest_ip) && !rule->guest_ip_must_be_zero;
}

static bool has_port(const struct forward_rule *rule, uint16_t port)
{
    return port >= rule->guest_first && port <= rule->guest_last;
}

static bool is_for_ports(const struct forward_rule *rule)
{
    return !rule->guest_socket && !rule->is_reverse;
}

struct forward_end forward_rule_host(const struct forward_rule *rule, uint16_t guest_port)
{
    if (rule->host_socket)
        return (struct forward_end){ .path = rule->host_socket };
    return (struct forward_end){
        .ip = rule->host_ip,
        .port = (uint16_t)(guest_port - rule->guest_first + rule->host_first),
    };
}

struct forward_decision forward_rules_match_static(const struct forward_rules *rules,
                                                   enum forward_proto proto,
                                                   const struct ip_address *ip, uint16_t port)
{
    for (size_t i = 0; i < rules->list.n; i++) {
        const struct forward_rule *rule = &rules->list.v[i];

        if (!is_for_ports(rule) || !(rule->protos & BIT(proto)) || !has_port(rule, port) ||
            !has_address(rule, ip))
            continue;
        if (!rule->is_ignore)
            return (struct forward_decision){ FORWARD_WANTED, rule, forward_rule_host(rule, port) };
        if (!ip_address_is_unspecified(ip) || ip_address_is_unspecified(&rule->guest_ip))
            return (struct forward_decision){ .verdict = FORWARD_IGNORED, .rule = rule };
    }
    return (struct forward_decision){ .verdict = FORWARD_UNMATCHED };
}

struct forward_decision forward_rules_match(const struct forward_rules *rules,
                                            enum forward_proto proto, const struct ip_address *ip,
                                            uint16_t port)
{
    for (size_t i = 0; i < rules->list.n; i++) {
        const struct forward_rule *rule = &rules->list.v[i];

        if (rule->is_static && !rule->is_ignore && is_for_ports(rule) && has_port(rule, port))
            return (struct forward_decision){ .verdict = FORWARD_STATIC, .rule = rule };
    }
    return forward_rules_match_static(rules, proto, ip, port);
}

unsigned forward_rules_silenced(const struct forward_rules *rules)
{
    unsigned bits = 0;

    for (size_t i = 0; i < rules->list.n; i++) {
        const struct forward_rule *rule = &rules->list.v[i];

        if (strcmp(rule->name, "ssh") == 0)
            continue;
        if (!rule->is_ignore || rule->guest_first != 1 || rule->guest_last != PORT_MAX ||
            !is_for_ports(rule))
            break;
        bits |= rule->protos;
    }
    return bits;
}

char *forward_end_text(const struct forward_end *end)
{
    auto_sb struct sb text = { 0 };

    if (end->path)
        return mem_strdup(end->path);
    ip_address_put(&text, &end->ip, end->port);
    return sb_steal(&text);
}
