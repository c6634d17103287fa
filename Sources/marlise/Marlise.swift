import Glibc
import Terminal
import Training

/// The program: a list of commands.
@main
struct Marlise {
  static func main() async {
    let program = Program(
      name: "marlise", version: softwareVersion,
      summary: "Trains agents that scale the CPU of Kubernetes pods in place, judges them, and runs them.",
      commands: [
        TrainCommand.command, SweepCommand.command, EvalCommand.command, InferCommand.command, ServeCommand.command,
        EmulateCommand.command,
      ]
        + DecisionCommands.commands + [
          RecordCommand.command, ShareCommand.command, DemoServiceCommand.command, LoadCommand.command,
          VersionCommand.command,
        ] + CheckpointCommand.commands
        + WorkloadCommand.commands + [FidelityCommand.command])
    exit(await program.run())
  }
}
