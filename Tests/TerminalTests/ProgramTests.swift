import Foundation
import Testing

@testable import Terminal

@Suite("Program")
struct ProgramTests {
  let sample = SampleProgram()

  @Test(
    "exit codes",
    arguments: [
      (["--version"], 0), (["--help"], 0), (["help"], 0), (["train", "--help"], 0), (["train", "-h", "--zebra"], 0),
      (["train"], 0), (["wait"], 7), (["fail"], 1), (["train", "--zebra"], 2), ([], 2), (["checkpoint", "--help"], 0),
    ] as [([String], Int32)])
  func exitCodes(_ tokens: [String], _ code: Int32) async {
    #expect(await sample.program.run(tokens) == code)
    // Help and errors never share a stream.
    #expect(sample.complained.withLock { $0 }.isEmpty == (code != 1 && code != 2))
  }

  @Test("an error is one sentence")
  func sentence() async {
    _ = await sample.program.run(["fail"])
    #expect(sample.complained.withLock { $0 } == "error: run.h5: is not a checkpoint\n")
  }

  @Test("--version is one line")
  func version() async {
    _ = await sample.program.run(["--version"])
    #expect(sample.printed.withLock { $0 } == "marlise 1.2.3\n")
  }

  @Test("help shows usage, options under headings with defaults and choices, and examples")
  func help() async {
    _ = await sample.program.run(["train", "--help"])
    #expect(
      sample.printed.withLock { $0 } == """
        marlise train: Learn a policy.

        Usage:
          marlise train [OPTIONS]

        Trains in a simulated cluster.

        Learning:
          --algorithm NAME    Which algorithm learns. One of: mdqn, dmdqn, ddmdqn, ppo,
                              ippo, dppo, ddpg, iddpg. (default: mdqn)
          --episodes N        Episodes to train for. (default: 300)
          --discount X        Discount factor. (default: 0.99)
          --[no-]debug        Say more.
          --[no-]clip         Clip rewards. (default: on)

        Cluster:
          --n_agents N        Agents, one per pod. (default: 3)
          --priorities X...   One weight per agent.
          --workload NAME...  Load to train on. One of: diurnal, bursty. (default:
                              diurnal)
          --load_model FILE   Checkpoint to start from.
          --note TEXT         Free text.
          --offset X          May be negative. (default: 0)

        General:
          --config FILE       YAML file with the same keys as the options; an option
                              given here overrides it.
          --print-config      Print the resulting configuration as YAML and do nothing
                              else.
          --help              Show this help (also -h).

        Examples:
          # Train with PPO
          marlise train --algorithm ppo

        """)
  }

  @Test("the overview lists every command")
  func overview() async {
    _ = await sample.program.run(["--help"])
    let text = sample.printed.withLock { $0 }
    for command in sample.program.commands { #expect(text.contains("\n  \(command.name) ")) }
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("help folds to the width", arguments: [40, 60, 100])
  func folding(_ width: Int) throws {
    let help = Help(
      program: "marlise", version: "1", summary: "s", commands: sample.program.commands, width: width, style: .plain)
    let command = try #require(sample.program.commands.first)
    #expect(help.command(command).split(separator: "\n").allSatisfy { $0.count <= width })
  }

  @Test("the bash script completes commands, options, choices and files")
  func bash() throws {
    let script = Completion.script("bash", program: "marlise", commands: sample.program.commands)
    func complete(_ words: String...) throws -> [String] {
      let quoted = words.map { "'\($0)'" }.joined(separator: " ")
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = [
        "-c",
        script
          + "\nCOMP_WORDS=(\(quoted)); COMP_CWORD=\(words.count - 1); _marlise; printf '%s\\n' \"${COMPREPLY[@]}\"",
      ]
      process.currentDirectoryURL = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      let data = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
    #expect(try complete("marlise", "tr") == ["train"])
    #expect(try complete("marlise", "checkpoint", "in") == ["inspect"])
    #expect(try complete("marlise", "train", "--ep") == ["--episodes"])
    #expect(try complete("marlise", "train", "--no-c") == ["--no-clip"])
    #expect(try complete("marlise", "train", "--algorithm", "dd") == ["ddmdqn", "ddpg"])
    #expect(try complete("marlise", "train", "--workload", "bursty", "di") == ["diurnal"])
    #expect(try complete("marlise", "train", "--load_model", "ProgramT") == ["ProgramTests.swift"])
    #expect(try complete("marlise", "train", "--load-model", "ProgramT") == ["ProgramTests.swift"])
    #expect(try complete("marlise", "completion", "f") == ["fish"])
    // Dash or underscore, = or blank; and nothing where a number is due.
    #expect(try complete("marlise", "train", "--load-m") == ["--load_model"])
    #expect(try complete("marlise", "train", "--algorithm", "=", "dd") == ["ddmdqn", "ddpg"])
    #expect(try complete("marlise", "train", "--algorithm", "=").contains("ddpg"))
    #expect(try complete("marlise", "train", "--episodes", "") == [])
    #expect(try complete("marlise", "train", "--clip", "--al") == ["--algorithm"])
  }

  @Test("every shell's script names every command and option", arguments: Completion.shells)
  func completion(_ shell: String) async {
    #expect(await sample.program.run(["completion", shell]) == 0)
    let text = sample.printed.withLock { $0 }
    for option in SampleProgram.trainOptions { #expect(text.contains(option.name)) }
    for command in sample.program.commands {
      for word in command.name.split(separator: " ") { #expect(text.contains(word)) }
    }
  }

  @Test("the manual page holds every option, with its dashes and dots safe from troff")
  func manual() async {
    #expect(await sample.program.run(["manual"]) == 0)
    let text = sample.printed.withLock { $0 }
    #expect(text.hasPrefix(".TH MARLISE 1"))
    #expect(text.contains(".TP\n.B \\-\\-n_agents N\nAgents, one per pod. (default: 3)\n"))
    #expect(text.contains(".SS \"marlise checkpoint inspect\""))
  }
}

@Suite("Interruption", .serialized)
struct InterruptionTests {
  @Test("the first signal sets a flag that decides the exit code")
  func first() async {
    // In a process of its own: the flag and the handlers are the process's.
    await #expect(processExitsWith: .exitCode(130)) {
      Interruption.install()
      guard !Interruption.requested, ExitCode.finished == .success else { exit(1) }
      kill(getpid(), SIGINT)
      // Another thread may take the signal.
      while !Interruption.requested { sched_yield() }
      exit(ExitCode.finished.value)
    }
  }

  @Test("the second signal ends the process at once")
  func second() async {
    await #expect(processExitsWith: .exitCode(143)) {
      Interruption.install()
      kill(getpid(), SIGINT)
      while !Interruption.requested { sched_yield() }
      kill(getpid(), SIGTERM)
      while true { sched_yield() }
    }
  }
}
