import EngineBase
import PortEngine
import Testing

@Suite struct IdentifierTests {
    @Test(arguments: UInt64(1)...20)
    func `an id is read as it was written`(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        for shift in 0..<48 {
            let generation = PortGeneration(dice.next() >> UInt64(shift + 16))
            let number = max(dice.next() >> UInt64(shift), 1)
            let entry = EntryID(generation: generation, seq: number)
            let lease = LeaseID(generation: generation, number: number)
            #expect(EntryID(entry.text) == entry, "\(entry.text)")
            #expect(LeaseID(lease.text) == lease, "\(lease.text)")
            #expect(EntryID(lease.text) == nil && LeaseID(entry.text) == nil)
        }
    }

    @Test(arguments: [
        "lse_0_1", "lse_1_18446744073709551615", "lse_2rrvthnxtr_1", "lse_zz_10",
    ])
    func `the ends of what an id can say are read`(text: String) {
        #expect(LeaseID(text)?.text == text)
    }

    @Test(arguments: [
        "", "lse", "lse_", "lse__", "lse_a", "lse_a_", "lse__1", "lse_a_0", "lse_a_01", "lse_0a_1",
        "lse_00_1", "lse_A_1", "lse_a_1a", "lse_a_+1", "lse_+a_1", "lse_-a_1", "lse_a_-1",
        "lse_a_1_2", "lse_a_1 ", " lse_a_1", "LSE_a_1", "lse_a_18446744073709551616",
        "lse_a_99999999999999999999", "lse_2rrvthnxts_1", "lse_zzzzzzzzzzzzzz_1", "lse_a_１",
        "lse_é_1", "lse_a_1\u{0}", "lse_a_1\u{301}", "lse_000000000000000000000000000000000a_1",
    ])
    func `no other spelling is an id`(text: String) {
        #expect(LeaseID(text) == nil)
        #expect(EntryID(text.replacing("lse", with: "cmp")) == nil)
    }
}
