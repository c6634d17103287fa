@main
struct Marlise {
  static func main() {}
}
