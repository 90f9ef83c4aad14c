/* Runs a fuzz target over the files named, and the files in the folders named, without libFuzzer: what
 * fuzzing once found is checked again by every build, gcc's sanitizers included. Each input lies in a block
 * of exactly its size, so that a read past its end is caught. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	if (f == NULL || fstat(fileno(f), &st) != 0) {
		perror(path);
		if (f != NULL)
			fclose(f);
		return -1;
	}
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size ? size : 1);
	int rc = data != NULL && fread(data, 1, size, f) == size ? 0 : -1;
	fclose(f);
	if (rc == 0) {
		/* The name comes before the run: when the target dies, the last line says on what. */
		printf("%s\n", path);
		fflush(stdout);
		LLVMFuzzerTestOneInput(data, size);
	} else {
		fprintf(stderr, "%s: not read\n", path);
	}
	free(data);
	return rc;
}

static int replay_folder(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	int rc = 0;
	if (n < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char file[4096];
		int len = snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' &&
		    (len < 0 || (size_t)len >= sizeof file || replay_file(file) != 0))
			rc = -1;
		free(names[i]);
	}
	free(names);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		struct stat st;
		bool folder = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
		if ((folder ? replay_folder(argv[i]) : replay_file(argv[i])) != 0)
			rc = 1;
	}
	return rc;
}
