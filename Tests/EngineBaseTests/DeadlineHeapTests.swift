import EngineBase
import Testing

@Suite struct DeadlineHeapTests {
}
