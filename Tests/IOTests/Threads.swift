// What tests share with threads that they hold up.

import Foundation
import Synchronization

final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add() {
        count.add(1, ordering: .relaxed)
    }
}

final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)

    func open() {
        isOpen.store(true, ordering: .relaxed)
    }

    func wait() {
        while !isOpen.load(ordering: .relaxed) { usleep(1_000) }
    }
}
