/*
 * The guest that tells whether hardware virtualization works, for the "virt" machine: flat code that
 * QEMU's -kernel enters at EL1. It counts for a while, says "ok" on the PL011, and powers off by
 * PSCI. See accel_guest_x86_64.S about the assembled bytes.
 */
    .text
    mov x2, #0x09000000   /* PL011 data register */
    ldr w0, =20000000
1:  subs w0, w0, #1
    b.ne 1b
    mrs x3, mpidr_el1
    mov w1, #'o'
    str w1, [x2]
    mov w1, #'k'
    str w1, [x2]
    mov w1, #'\n'
    str w1, [x2]
    ldr w0, =0x84000008   /* SYSTEM_OFF */
    hvc #0
2:  wfi
    b 2b
    .ltorg
