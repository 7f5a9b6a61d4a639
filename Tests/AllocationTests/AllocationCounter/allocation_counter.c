// Replaces malloc and its relatives by ones that count, and hand the work to the C library's own.
//
// The counters use the initial-exec model: any other kind of thread-local storage may itself call malloc.

#include "allocation_counter.h"
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static __thread long allocations __attribute__((tls_model("initial-exec")));
static __thread int traps_now __attribute__((tls_model("initial-exec")));

long allocations_of_this_thread(void) { return allocations; }

void trap_on_allocation(int traps) { traps_now = traps; }

static void count(void) {
    allocations += 1;
    if (traps_now) {
        // The backtrace itself needs memory.
        traps_now = 0;
        __builtin_trap();
    }
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count();
    return __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t number, size_t size) {
    size_t product;
    if (__builtin_mul_overflow(number, size, &product)) {
        errno = ENOMEM;
        return NULL;
    }
    count();
    return __libc_realloc(memory, product);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0)
        return EINVAL;
    count();
    void *got = __libc_memalign(alignment, size);
    if (got == NULL) return ENOMEM;
    *memory = got;
    return 0;
}

void *valloc(size_t size) {
    count();
    return __libc_memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

void *pvalloc(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    count();
    return __libc_memalign(page, (size + page - 1) / page * page);
}

void free(void *memory) { __libc_free(memory); }
