// swift-tools-version: 6.0
import PackageDescription

// The floors of the house, from the ground up. A target names only targets above it in this file; the tests in
// Tests/TidyTests hold every `import` to this table (SwiftPM itself lets transitive imports pass).

let strict: [SwiftSetting] = [.unsafeFlags(["-warnings-as-errors"])]
let strictC: [CSetting] = [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O3"])]

// Swift's libraries go into the program: it then starts in half the time, and runs where no toolchain is installed. Only
// the link differs, so that the tests, which need the shared ones, use the same modules.
let selfContained: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections",
    ], .when(platforms: [.linux], configuration: .release))
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], data: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: data,
    swiftSettings: strict)
}

let package = Package(
  name: "marlise",
  products: [
    .executable(name: "marlise", targets: ["marlise"]),
    .executable(name: "marlise-bench", targets: ["marlise-bench"]),
  ],
  targets: [
    // Floor 0: system libraries, our own C kernels, random numbers
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
    .target(name: "CMarlise", cSettings: strictC),
    .target(name: "CWebPage", exclude: ["assets"], cSettings: strictC),
    room("RandomStreams"),

    // Floor 1: mathematics, the decision path, the terminal
    room("NeuralNetwork", ["CMarlise", "RandomStreams"]),
    room("Autoscaling"),
    room("Terminal", ["CLibYAML"]),
    room("Charts"),
    room("HTTPServer", ["CMicroHTTPD"]),

    // Floor 2: agents, the simulated cluster, the real one, the file
    room("Learning", ["NeuralNetwork", "RandomStreams", "CMarlise"]),
    room("PodSimulation", ["Autoscaling", "RandomStreams"]),
    room("Kubernetes", ["Autoscaling", "CCurl", "CLibYAML"]),
    room("Checkpoints", ["CHDF5", "NeuralNetwork"]),

    // Floor 3: what one does with them
    room("Training", ["Autoscaling", "Learning", "PodSimulation", "Checkpoints", "NeuralNetwork", "RandomStreams"]),
    room("Evaluation", ["Autoscaling", "PodSimulation", "RandomStreams"]),
    room("Control", ["Autoscaling", "Kubernetes"]),
    room("ClusterEmulator", ["Autoscaling", "PodSimulation", "HTTPServer", "Kubernetes", "RandomStreams"]),
    room("Backend", ["Autoscaling", "Control", "HTTPServer", "CWebPage"]),

    // Floor 4: programs
    .executableTarget(
      name: "marlise",
      dependencies: [
        "Terminal", "Autoscaling", "NeuralNetwork", "Learning", "PodSimulation", "Checkpoints", "Training",
        "Evaluation", "Charts",
        "Control", "Kubernetes", "RandomStreams", "ClusterEmulator", "HTTPServer", "Backend",
      ], swiftSettings: strict, linkerSettings: selfContained),
    .executableTarget(
      name: "marlise-bench",
      dependencies: [
        "Terminal", "Autoscaling", "NeuralNetwork", "Learning", "PodSimulation", "Checkpoints", "Training",
        "RandomStreams",
        "COpenBLAS",
      ], swiftSettings: strict),

    // Tests mirror the rooms
    .target(name: "TestSupport", path: "Tests/TestSupport", exclude: ["Goldens"], swiftSettings: strict),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter", cSettings: strictC),
    tests("RandomStreamsTests", ["RandomStreams"]),
    tests("AutoscalingTests", ["Autoscaling", "TestSupport", "RandomStreams"]),
    tests("NeuralNetworkTests", ["NeuralNetwork", "TestSupport", "RandomStreams"]),
    tests("TerminalTests", ["Terminal"]),
    tests("ChartsTests", ["Charts"]),
    tests("LearningTests", ["Learning", "NeuralNetwork", "TestSupport", "RandomStreams", "AllocationCounter"]),
    tests(
      "PodSimulationTests", ["PodSimulation", "Autoscaling", "TestSupport", "RandomStreams"], data: ["GroundTruth"]),
    tests("KubernetesTests", ["Kubernetes", "Autoscaling", "TestSupport"], data: ["Fixtures"]),
    tests("CheckpointsTests", ["Checkpoints", "NeuralNetwork", "CHDF5", "TestSupport"]),
    tests(
      "TrainingTests",
      ["Training", "Learning", "PodSimulation", "Checkpoints", "Autoscaling", "NeuralNetwork", "TestSupport"]),
    tests("EvaluationTests", ["Evaluation", "PodSimulation", "Autoscaling", "TestSupport"]),
    tests(
      "ControlTests",
      [
        "Control", "Kubernetes", "ClusterEmulator", "HTTPServer", "Autoscaling", "PodSimulation", "Learning",
        "Checkpoints", "TestSupport",
      ]),
    tests("HTTPServerTests", ["HTTPServer", "Kubernetes"]),
    tests("BackendTests", ["Backend", "HTTPServer", "Control", "Autoscaling", "PodSimulation"]),
    tests(
      "ClusterEmulatorTests",
      ["ClusterEmulator", "HTTPServer", "Kubernetes", "PodSimulation", "Autoscaling", "TestSupport"]),
    tests("EndToEndTests", ["Checkpoints", "TestSupport"]),
    tests("TidyTests", ["TestSupport"]),
  ],
  cLanguageStandard: .gnu17
)
