import Foundation
import Testing

@testable import Checkpoints

/// A Python interpreter that has h5py; nil where there is none.
private let python: String? = ["python3", "/usr/bin/python3"].first { run($0, "import h5py, numpy")?.status == 0 }

/// Runs a script with arguments; nil when the interpreter cannot be started.
private func run(_ interpreter: String, _ script: String, _ arguments: [String] = []) -> (status: Int32, text: String)?
{
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [interpreter, "-c", script] + arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  guard (try? process.run()) != nil else { return nil }
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: data, as: UTF8.self))
}

@Suite("Python", .enabled(if: python != nil, "no Python with h5py here"))
struct PythonTests {
  @Test("h5py shows names, types and values without help")
  func reads() throws {
    let folder = try TemporaryFolder()
    let checkpoint = Checkpoint.example()
    try checkpoint.write(to: folder.path())
    let script = """
      import sys, h5py, numpy as np
      with h5py.File(sys.argv[1], "r") as f:
          a = f.attrs
          assert all(type(a[k]) is str for k in ("algorithm", "reward", "configuration", "extra.note")), dict(a)
          print(a["algorithm"], a["seed"], a["training_steps"], list(a["observation_fields"]), a["extra.ключ"])
          w = f["agents/1/actor/layer0/weight"]
          print(w.shape, w.dtype, w.parent.attrs["activation"], len(f["agents"]), repr(float(w[4, 5])))
          print(f["training/best"][2], f["training/random/exploration"][:].tolist(), f["training/agents/0/replay/empty"].shape)
          assert f.userblock_size == 512
      """
    let output = try #require(run(python ?? "", script, [folder.path()]))
    let value = try #require(checkpoint.agents[1]["actor"]?.layers[0].weight[29])
    #expect(
      output.text == """
        ppo 18446744073709551615 123456 ['limit', 'usage', 'müde 🐌'] значение
        (5, 6) float32 relu 2 \(Double(value))
        5e-324 [18446744073709551615, 0, 7] (0, 42)

        """)
  }

  @Test("a file made with h5py and sealed as the documentation says is read")
  func writes() throws {
    let folder = try TemporaryFolder()
    let script = """
      import sys, hashlib, h5py, numpy as np
      path = sys.argv[1]
      with h5py.File(path, "w", userblock_size=512, libver=("earliest", "v110")) as f:
          f.attrs.update(format_version=1, algorithm="mdqn", normalisation="none", reward="2", seed=np.uint64(3),
                         configuration="{}", training_steps=5, compatibility="none",
                         observation_kind="independent", observation_fields=["limit", "usage"], observation_history=2,
                         action_kind="discrete", action_count=3, action_increment=25, action_scale=0,
                         action_minimum=50, action_maximum=1000)
          layer = f.create_group("agents/0/q/layer0")
          layer.attrs["activation"] = "identity"
          layer["weight"] = np.arange(12, dtype="f4").reshape(3, 4)
          layer["bias"] = np.zeros(3, dtype="f4")
      with open(path, "r+b") as f:
          content = f.read()
          line = f"MARLISE-CHECKPOINT 1 bytes={len(content)} sha256={hashlib.sha256(content[512:]).hexdigest()}\\n"
          f.seek(0)
          f.write(line.encode().ljust(512, b"\\0"))
      """
    let output = try #require(run(python ?? "", script, [folder.path()]))
    #expect(output.text == "")
    let checkpoint = try Checkpoint.read(folder.path(), including: .everything)
    #expect(checkpoint.agents[0]["q"]?.layers[0].weight == (0..<12).map(Float.init))
    #expect(checkpoint.metadata.observation.fields == ["limit", "usage"])
    #expect(checkpoint.training == nil)
  }
}
