// Linked against one core library at a time, whole archive: an undefined symbol here is a hidden
// dependency of that library on a layer above it.
int main() {
  return 0;
}
