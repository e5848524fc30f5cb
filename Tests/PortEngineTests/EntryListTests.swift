import EngineBase
import Testing
@testable import PortEngine

@Suite struct EntryListTests {
    private static let long = ClientText("a text of more than 14 bytes")

    @Test func `an entry tells that it holds memory, whatever it holds`() {
        func holds(
            key: ClientText? = nil, context: ClientText? = nil, data: [UInt8] = [],
            details: EntryDetails? = nil
        ) -> Bool {
            CompletionEntry(kind: .packet, key: key, context: context, data: data, details: details)
                .holdsMemory
        }
        #expect(!holds())
        #expect(!holds(key: "fourteen bytes", context: "fourteen bytes"))
        #expect(holds(key: EntryListTests.long))
        #expect(holds(context: EntryListTests.long))
        #expect(holds(data: [1]))
        #expect(holds(details: EntryDetails()))
    }

    @Test func `the flags of an entry leave its kind, status and bytes alone`() {
        for kind in EntryKind.allCases {
            for status in EntryStatus.allCases {
                for data in [[], [1, 2, 3] as [UInt8]] {
                    for bytes in [0, 3, CompletionEntry.mostBytes] {
                        let entry = CompletionEntry(
                            kind: kind, status: status, bytes: bytes, data: data)
                        #expect(entry.kind == kind)
                        #expect(entry.status == status)
                        #expect(entry.bytes == bytes)
                        #expect(entry.data == data)
                    }
                }
            }
        }
    }

    @Test func `a list knows the payload of what is left in it`() {
        var list: EntryList = []
        for size in 1...10 {
            list.append(CompletionEntry(kind: .read, data: [UInt8](repeating: 0, count: size)))
        }
        #expect(list.payload == 55)
        let taken = list.takeFirst(4)
        #expect((taken.payload, taken.count) == (10, 4))
        #expect((list.payload, list.count) == (45, 6))
        let rest = list.takeFirst(6)
        #expect((rest.payload, list.payload, list.count) == (45, 0, 0))
    }

    @Test func `a list knows how its entries ended, however it was made and what was taken`() throws
    {
        let statuses = EntryStatus.allCases
        func entry(_ index: Int) -> CompletionEntry {
            CompletionEntry(kind: .read, status: statuses[index % statuses.count])
        }
        let twice = Dictionary(uniqueKeysWithValues: statuses.map { ($0, 2) })
        var made = EntryList(count: 2 * statuses.count, entry)
        #expect(made.statuses.byStatus == twice)
        #expect(EntryList((0..<2 * statuses.count).map(entry)).statuses.byStatus == twice)
        #expect(made.takeFirst(1).statuses.byStatus == [.ok: 1])
        #expect(made.takeFirst(1).statuses.byStatus == [statuses[1]: 1])
        var rest = twice
        rest[.ok] = 1
        rest[statuses[1]] = 1
        let last = try #require(statuses.last)
        rest[last] = 1
        #expect(made.takeFirst(made.count - 1).statuses.byStatus == rest)
        #expect(made.statuses.byStatus == [last: 1])
        // Unlike bytes, like statuses.
        let alike = EntryList(count: 3) { CompletionEntry(kind: .read, status: .failed, bytes: $0) }
        #expect(alike.statuses.byStatus == [.failed: 3])
        #expect(EntryList().statuses.byStatus.isEmpty)
    }
}
