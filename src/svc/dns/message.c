#include "svc/dns/message.h"

#include <assert.h>

#include "base/mem.h"
#include "svc/dns/names.h"

enum {
    HEADER_LEN = 12,
    UDP_SIZE_MIN = 512, /* what everybody takes */
    EDNS_VERSION = 0,
    RCODE_MASK = 0xf,
    RCODE_EXTENDED_SHIFT = 4,
    RCODE_BADVERS = 16,
};

/* --- Queries of the guest --- */

static bool is_transfer(ldns_rr_type type)
{
    return type == LDNS_RR_TYPE_AXFR || type == LDNS_RR_TYPE_IXFR;
}

/* The question, or the error that it is. */
static unsigned take_question(struct dns_query *q, const ldns_pkt *pkt)
{
    const ldns_rr *rr;

    if (ldns_pkt_get_opcode(pkt) != LDNS_PACKET_QUERY)
        return LDNS_RCODE_NOTIMPL;
    if (ldns_rr_list_rr_count(ldns_pkt_question(pkt)) != 1)
        return LDNS_RCODE_FORMERR;
    rr = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
    q->name = ldns_rdf_clone(ldns_rr_owner(rr));
    q->type = ldns_rr_get_type(rr);
    if (q->has_edns && ldns_pkt_edns_version(pkt) != EDNS_VERSION)
        return RCODE_BADVERS;
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN || is_transfer(q->type))
        return LDNS_RCODE_REFUSED;
    return LDNS_RCODE_NOERROR;
}

static char *key_of(const ldns_rdf *name)
{
    auto_mem char *text = ldns_rdf2str(name);

    return dns_name_key(sv_of(text));
}

bool dns_query_decode(struct dns_query *out, struct sv message)
{
    const uint8_t *bytes = (const uint8_t *)message.p;
    ldns_pkt *pkt = NULL;

    *out = (struct dns_query){ .udp_size = UDP_SIZE_MIN };
    if (message.n < HEADER_LEN || message.n > DNS_MESSAGE_LEN_MAX || LDNS_QR_WIRE(bytes))
        return false;
    out->id = LDNS_ID_WIRE(bytes);
    if (ldns_wire2pkt(&pkt, bytes, message.n) != LDNS_STATUS_OK) {
        out->error = LDNS_RCODE_FORMERR;
        return true;
    }
    out->recursion_desired = ldns_pkt_rd(pkt);
    out->checking_disabled = ldns_pkt_cd(pkt);
    out->has_edns = ldns_pkt_edns(pkt);
    out->dnssec_ok = out->has_edns && ldns_pkt_edns_do(pkt);
    if (out->has_edns && ldns_pkt_edns_udp_size(pkt) > UDP_SIZE_MIN)
        out->udp_size = ldns_pkt_edns_udp_size(pkt);
    out->error = take_question(out, pkt);
    if (out->name)
        out->key = key_of(out->name);
    ldns_pkt_free(pkt);
    return true;
}

void dns_query_done(struct dns_query *query)
{
    ldns_rdf_deep_free(query->name);
    free(query->key);
    *query = (struct dns_query){ 0 };
}

/* --- Replies to the guest --- */

static void *checked(void *mem)
{
    assert(mem); /* ldns has no memory */
    return mem;
}

static ldns_rr *question_rr(const ldns_rdf *name, ldns_rr_type type)
{
    ldns_rr *rr = checked(ldns_rr_new());

    ldns_rr_set_question(rr, true);
    ldns_rr_set_owner(rr, checked(ldns_rdf_clone(name)));
    ldns_rr_set_type(rr, type);
    ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
    return rr;
}

static void push(ldns_pkt *pkt, ldns_pkt_section section, ldns_rr *take_rr)
{
    checked(ldns_pkt_push_rr(pkt, section, take_rr) ? pkt : NULL);
}

ldns_pkt *dns_reply_new(const struct dns_query *query, unsigned rcode)
{
    ldns_pkt *pkt = checked(ldns_pkt_new());

    ldns_pkt_set_id(pkt, query->id);
    ldns_pkt_set_qr(pkt, true);
    ldns_pkt_set_opcode(pkt, LDNS_PACKET_QUERY);
    ldns_pkt_set_rd(pkt, query->recursion_desired);
    ldns_pkt_set_ra(pkt, true);
    ldns_pkt_set_cd(pkt, query->checking_disabled);
    ldns_pkt_set_rcode(pkt, (uint8_t)(rcode & RCODE_MASK));
    if (query->name)
        push(pkt, LDNS_SECTION_QUESTION, question_rr(query->name, query->type));
    if (query->has_edns) {
        ldns_pkt_set_edns_udp_size(pkt, DNS_EDNS_SIZE);
        ldns_pkt_set_edns_extended_rcode(pkt, (uint8_t)(rcode >> RCODE_EXTENDED_SHIFT));
        ldns_pkt_set_edns_do(pkt, query->dnssec_ok);
    }
    return pkt;
}

static void add_record(ldns_pkt *reply, const ldns_rdf *owner, ldns_rr_type type,
                       ldns_rdf *take_data)
{
    ldns_rr *rr = checked(ldns_rr_new());

    ldns_rr_set_owner(rr, checked(ldns_rdf_clone(owner)));
    ldns_rr_set_type(rr, type);
    ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
    ldns_rr_set_ttl(rr, DNS_LOCAL_TTL_S);
    checked(ldns_rr_push_rdf(rr, checked(take_data)) ? rr : NULL);
    push(reply, LDNS_SECTION_ANSWER, rr);
}

void dns_reply_add_address(ldns_pkt *reply, const ldns_rdf *owner, const struct ip_address *ip)
{
    bool is_v4 = ip->n == 4;

    add_record(
        reply, owner, is_v4 ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA,
        ldns_rdf_new_frm_data(is_v4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA, ip->n, ip->bytes));
}

void dns_reply_add_name(ldns_pkt *reply, ldns_rr_type type, const ldns_rdf *owner,
                        const ldns_rdf *target)
{
    add_record(reply, owner, type, ldns_rdf_clone(target));
}

/* The list stays, empty, with the packet that it came from. */
static void move_section(ldns_pkt *to, ldns_pkt_section section, ldns_rr_list *from)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(from); i++)
        push(to, section, ldns_rr_list_rr(from, i));
    ldns_rr_list_set_rr_count(from, 0);
}

void dns_reply_add_all(ldns_pkt *reply, ldns_pkt *from, bool trust_ad)
{
    unsigned rcode = dns_reply_code(from);

    ldns_pkt_set_rcode(reply, rcode > RCODE_MASK ? LDNS_RCODE_SERVFAIL : (uint8_t)rcode);
    ldns_pkt_set_aa(reply, ldns_pkt_aa(from));
    ldns_pkt_set_tc(reply, ldns_pkt_tc(from));
    ldns_pkt_set_ad(reply, trust_ad && ldns_pkt_ad(from));
    move_section(reply, LDNS_SECTION_ANSWER, ldns_pkt_answer(from));
    move_section(reply, LDNS_SECTION_AUTHORITY, ldns_pkt_authority(from));
    move_section(reply, LDNS_SECTION_ADDITIONAL, ldns_pkt_additional(from));
}

/* Encodes with the first records of each section only; what is there stays. False: not possible, or
 * longer than a message may be. */
static bool encode_part(ldns_pkt *pkt, const uint16_t counts[3], struct sb *out)
{
    ldns_rr_list *lists[3] = { ldns_pkt_answer(pkt), ldns_pkt_authority(pkt),
                               ldns_pkt_additional(pkt) };
    auto_mem uint8_t *bytes = NULL;
    uint16_t all[3];
    size_t n = 0;
    bool ok;

    for (size_t i = 0; i < COUNT(lists); i++) {
        all[i] = (uint16_t)ldns_rr_list_rr_count(lists[i]);
        ldns_rr_list_set_rr_count(lists[i], counts[i]);
    }
    ldns_pkt_set_ancount(pkt, counts[0]);
    ldns_pkt_set_nscount(pkt, counts[1]);
    ldns_pkt_set_arcount(pkt, counts[2]);
    ok = ldns_pkt2wire(&bytes, pkt, &n) == LDNS_STATUS_OK && n <= DNS_MESSAGE_LEN_MAX;
    for (size_t i = 0; i < COUNT(lists); i++)
        ldns_rr_list_set_rr_count(lists[i], all[i]);
    sb_truncate(out, 0);
    if (ok)
        sb_put_mem(out, bytes, n);
    return ok;
}

/* As many records as fit: the answer's go before the others'. */
static void encode_cut(ldns_pkt *pkt, size_t size, struct sb *out)
{
    uint16_t counts[3] = { 0 }, most = (uint16_t)ldns_rr_list_rr_count(ldns_pkt_answer(pkt));

    ldns_pkt_set_tc(pkt, true);
    for (uint16_t least = 0; least < most;) {
        counts[0] = (uint16_t)(least + (most - least + 1) / 2);
        if (encode_part(pkt, counts, out) && out->n <= size)
            least = counts[0];
        else
            most = counts[0] = (uint16_t)(counts[0] - 1);
    }
    counts[0] = most;
    (void)encode_part(pkt, counts, out);
}

void dns_reply_encode(ldns_pkt *reply, const struct dns_query *query, enum dns_transport transport,
                      struct sb *out)
{
    uint16_t counts[3] = { (uint16_t)ldns_rr_list_rr_count(ldns_pkt_answer(reply)),
                           (uint16_t)ldns_rr_list_rr_count(ldns_pkt_authority(reply)),
                           (uint16_t)ldns_rr_list_rr_count(ldns_pkt_additional(reply)) };
    size_t size = transport == DNS_UDP ? query->udp_size : DNS_MESSAGE_LEN_MAX;
    bool ok = encode_part(reply, counts, out);

    if (ok && out->n > size && !ldns_pkt_tc(reply)) { /* the additional ones are a courtesy */
        counts[2] = 0;
        ok = encode_part(reply, counts, out);
    }
    if (!ok || out->n > size)
        encode_cut(reply, size, out);
}

/* --- Name servers --- */

void dns_question_encode(const struct dns_question *question, struct sb *out)
{
    ldns_pkt *pkt = checked(ldns_pkt_new());
    auto_mem uint8_t *bytes = NULL;
    size_t n = 0;

    ldns_pkt_set_id(pkt, question->id);
    ldns_pkt_set_opcode(pkt, LDNS_PACKET_QUERY);
    ldns_pkt_set_rd(pkt, question->recursion_desired);
    ldns_pkt_set_cd(pkt, question->checking_disabled);
    push(pkt, LDNS_SECTION_QUESTION, question_rr(question->name, question->type));
    if (question->with_edns) {
        ldns_pkt_set_edns_udp_size(pkt, DNS_EDNS_SIZE);
        ldns_pkt_set_edns_do(pkt, question->dnssec_ok);
    }
    checked(ldns_pkt2wire(&bytes, pkt, &n) == LDNS_STATUS_OK ? pkt : NULL);
    sb_put_mem(out, bytes, n);
    ldns_pkt_free(pkt);
}

static bool answers(const ldns_pkt *pkt, const struct dns_question *question)
{
    const ldns_rr_list *list = ldns_pkt_question(pkt);
    const ldns_rr *rr;

    if (!ldns_pkt_qr(pkt) || ldns_pkt_get_opcode(pkt) != LDNS_PACKET_QUERY)
        return false;
    if (ldns_rr_list_rr_count(list) == 0) /* servers that did not understand it may leave it out */
        return ldns_pkt_get_rcode(pkt) == LDNS_RCODE_FORMERR ||
               ldns_pkt_get_rcode(pkt) == LDNS_RCODE_NOTIMPL;
    rr = ldns_rr_list_rr(list, 0);
    return ldns_rr_list_rr_count(list) == 1 && ldns_rr_get_type(rr) == question->type &&
           ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
           ldns_dname_compare(ldns_rr_owner(rr), question->name) == 0;
}

ldns_pkt *dns_reply_decode(const struct dns_question *question, struct sv message)
{
    ldns_pkt *pkt = NULL;

    if (message.n < HEADER_LEN || message.n > DNS_MESSAGE_LEN_MAX ||
        LDNS_ID_WIRE((const uint8_t *)message.p) != question->id ||
        ldns_wire2pkt(&pkt, (const uint8_t *)message.p, message.n) != LDNS_STATUS_OK)
        return NULL;
    if (answers(pkt, question))
        return pkt;
    ldns_pkt_free(pkt);
    return NULL;
}

unsigned dns_reply_code(const ldns_pkt *reply)
{
    return (unsigned)ldns_pkt_edns_extended_rcode(reply) << RCODE_EXTENDED_SHIFT |
           ldns_pkt_get_rcode(reply);
}
