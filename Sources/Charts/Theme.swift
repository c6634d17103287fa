/// Colours and fonts. Series colours are those of Okabe and Ito (2008), told apart with any kind of colour vision, yellow
/// and black left out for what is pale or has no hue; on dark ground they are lighter.
enum Theme {
  struct Pair {
    let light: String
    let dark: String
  }

  static let series = [
    Pair(light: "#0072b2", dark: "#58aee6"), Pair(light: "#d55e00", dark: "#f2884b"),
    Pair(light: "#009e73", dark: "#3cc79e"), Pair(light: "#b8589a", dark: "#e09bc8"),
    Pair(light: "#c98a00", dark: "#f0bd4f"), Pair(light: "#3a9bd1", dark: "#93d0f5"),
    Pair(light: "#6b5b95", dark: "#b3a4dd"), Pair(light: "#7a6a53", dark: "#c5b397"),
  ]
  static let ink = Pair(light: "#1f2328", dark: "#e8eaed")
  static let muted = Pair(light: "#5f6670", dark: "#a5adb8")
  static let grid = Pair(light: "#e4e7eb", dark: "#31363d")
  static let paper = Pair(light: "#ffffff", dark: "#15181c")

  static let fonts = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Liberation Sans',sans-serif"

  private static var named: [(String, Pair)] {
    [("ink", ink), ("muted", muted), ("grid", grid), ("paper", paper)]
      + series.enumerated().map { ("s\($0)", $1) }
  }

  /// Colours as variables, the dark ones where the reader prefers them.
  static var variables: String {
    func list(_ colour: (Pair) -> String) -> String {
      named.map { "--chart-\($0.0):\(colour($0.1))" }.joined(separator: ";")
    }
    return ":root{color-scheme:light dark;\(list(\.light))}"
      + "@media(prefers-color-scheme:dark){:root{\(list(\.dark))}}"
  }

  /// What the classes of a chart's elements mean. The elements carry the light colours as attributes too, for programs
  /// that know nothing of variables.
  static var chartRules: String {
    let classes =
      ["ink", "muted", "paper"].map { ".chart .\($0){fill:var(--chart-\($0))}" }
      + [".chart .grid{stroke:var(--chart-grid)}", ".chart .rule{stroke:var(--chart-muted)}"]
      + series.indices.flatMap {
        [".chart .f\($0){fill:var(--chart-s\($0))}", ".chart .l\($0){stroke:var(--chart-s\($0))}"]
      }
      + [".chart .halo{stroke:var(--chart-paper)}", ".chart .hit{fill-opacity:0}.chart .hit:hover{fill-opacity:.3}"]
    return ".chart text{font-family:\(fonts);font-variant-numeric:tabular-nums}" + classes.joined()
  }

  static func colour(_ index: Int) -> (index: Int, light: String) {
    let place = index % series.count
    return (place, series[place].light)
  }
}
