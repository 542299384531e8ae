/*
 * The guest that tells whether hardware virtualization works: a flat ELF file that QEMU's -kernel
 * enters by its PVH note in 32-bit protected mode. It builds page tables, goes to 64-bit mode,
 * counts for a while with paging on, and leaves through isa-debug-exit at port 0xf4.
 *
 * accel_guest.c holds the assembled bytes, so that no assembler for the target is needed to build;
 * tests/unit/driver/check_accel_guest.sh assembles this file and compares.
 */
    .set BASE, 0x100000
    .set TABLES, 0x200000 /* PML4, PDPT and PD, a page each */
    .set STEPS, 20000000
    .set EXIT_PORT, 0xf4
    .set EXIT_VALUE, 0x21 /* QEMU ends with (value << 1) | 1 = 67 */

    .text
    .code32
file:
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0
    .quad 0
    .word 2, 62           /* executable, x86-64 */
    .long 1
    .quad BASE + entry - file
    .quad headers - file
    .quad 0
    .long 0
    .word 64, 56, 2, 0, 0, 0
headers:
    .long 1, 7            /* PT_LOAD, rwx */
    .quad 0, BASE, BASE, end - file, end - file, 4096
    .long 4, 4            /* PT_NOTE, r */
    .quad note - file, BASE + note - file, BASE + note - file, end_note - note, end_note - note, 4
note:
    .long 4, 8, 18        /* name, value; XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad BASE + entry - file
end_note:

entry:
    cld
    movl $TABLES, %edi
    xorl %eax, %eax
    movl $(3 * 4096 / 4), %ecx
    rep stosl
    movl $(TABLES + 0x1003), TABLES
    movl $(TABLES + 0x2003), TABLES + 0x1000
    movl $0x83, TABLES + 0x2000 /* the first 2 MiB, as one large page */

    movl %cr4, %eax
    orl $0x20, %eax       /* PAE */
    movl %eax, %cr4
    movl $TABLES, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax      /* EFER.LME */
    wrmsr
    movl %cr0, %eax
    orl $0x80000001, %eax
    movl %eax, %cr0
    lgdt BASE + gdt_pointer - file
    ljmp $8, $(BASE + long_mode - file)

    .code64
long_mode:
    movl $STEPS, %ecx
1:  decl %ecx
    jnz 1b
    movl $EXIT_VALUE, %eax
    outb %al, $EXIT_PORT
2:  hlt
    jmp 2b

    .balign 8
gdt:
    .quad 0, 0x00af9b000000ffff
gdt_pointer:
    .word 15
    .long BASE + gdt - file
end:
