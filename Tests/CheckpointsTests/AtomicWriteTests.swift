import Foundation
import Testing

@testable import Checkpoints

@Suite("Writing fails without harm")
struct AtomicWriteTests {
  @Test("a folder that does not exist")
  func noFolder() throws {
    let folder = try TemporaryFolder()
    let error = refusal { try Checkpoint.example().write(to: folder.path("missing/a.h5")) }
    #expect(
      error?.description
        == "\(folder.path("missing/a.h5")): cannot create a file in \(folder.path("missing")): No such file or directory"
    )
    #expect(folder.names == [])
  }

  @Test("a target that is a folder")
  func targetIsFolder() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.path(), withIntermediateDirectories: false)
    let error = refusal { try Checkpoint.example().write(to: folder.path()) }
    #expect(error?.description == "\(folder.path()): cannot put the new file in place: Is a directory")
    #expect(folder.names == ["a.h5"])
  }

  // In a process of its own: the limit holds for everything that a process writes.
  @Test("a full disk leaves the old file, and nothing else")
  func noSpace() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let old = Checkpoint.example(agents: 1)
      try old.write(to: folder.path())
      let before = try load(folder.path())

      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let unlimited = limit.rlim_cur
      limit.rlim_cur = rlim_t(before.count / 2)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let error = refusal { try Checkpoint.example(agents: 3).write(to: folder.path()) }
      limit.rlim_cur = unlimited
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)

      #expect(error?.reason == .system)
      #expect(error?.explanation.hasSuffix("bytes: File too large") == true)
      #expect(try load(folder.path()) == before)
      #expect(folder.names == ["a.h5"])
      // The next attempt, with room again, succeeds.
      let next = Checkpoint.example(agents: 3)
      try next.write(to: folder.path())
      #expect(try Checkpoint.read(folder.path(), including: .everything) == next)
    }
  }
}
