#include "prog/guestagent/clock.h"

#include <errno.h>
#include <time.h>

#include "sys/host.h"

#define NS_PER_S INT64_C(1000000000)

int64_t clock_drift(int64_t guest_ns, int64_t host_ns)
{
    int64_t drift;

    if (__builtin_sub_overflow(guest_ns, host_ns, &drift))
        return guest_ns < host_ns ? INT64_MIN : INT64_MAX;
    return drift;
}

bool clock_sync(int64_t host_ns, int64_t *out_drift_ns, bool *out_adjusted, struct err **errp)
{
    int64_t drift = clock_drift(host_realtime_ns(), host_ns);
    struct timespec when = { .tv_sec = (time_t)(host_ns / NS_PER_S),
                             .tv_nsec = (long)(host_ns % NS_PER_S) };

    *out_drift_ns = drift;
    *out_adjusted = false;
    if (drift >= -CLOCK_TOLERANCE_NS && drift <= CLOCK_TOLERANCE_NS)
        return true;
    if (host_ns < 0)
        return err_set(errp, ERR_INVALID, "the host's time is before 1970");
    if (clock_settime(CLOCK_REALTIME, &when) < 0)
        return err_set_os(errp, errno, "cannot set the clock");
    *out_adjusted = true;
    return true;
}
